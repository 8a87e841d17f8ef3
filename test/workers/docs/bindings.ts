import { defineTokenVault, type Sender } from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

export class TokenVault extends defineTokenVault<{ readonly VMCLOUD_CERT: Sender }>({
  providers: { vmcloud: vmcloud() },
  // An mTLS certificate; a VPC or service binding alike.
  fetch: (env) => env.VMCLOUD_CERT,
}) {}
