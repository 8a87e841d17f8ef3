import { WorkflowEntrypoint } from "cloudflare:workers";
import { createVault } from "tokenkeep/cloudflare";

interface Step {
  do<T>(name: string, task: () => Promise<T>): Promise<T>;
}

export class ListVms extends WorkflowEntrypoint {
  override async run(
    event: { readonly payload: { readonly account: string } },
    step: Step,
  ): Promise<number> {
    return step.do("list", async () => {
      // In the step: what a step returns is stored, and no token is to be in it.
      const { account } = event.payload;
      const vault = createVault({ provider: "vmcloud", account, env: this.env, ctx: this.ctx });
      const { status } = await vault.fetch("https://api.vmcloud.com/v1/vms");
      return status;
    });
  }
}
