import { createVault } from "tokenkeep/browser";
import { vmcloud } from "tokenkeep/providers/vmcloud";

const vault = createVault({ provider: vmcloud() });

// Once, with what your form asks for:
export const signIn = (email: string, password: string) => vault.signIn({ email, password });

// From then on, in every tab, and after each reload:
export const listVms = () => vault.fetch("https://api.vmcloud.com/v1/vms");
