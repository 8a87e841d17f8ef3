/** A frame that stands for a tab: a script, a vault and a connection to the store of its own. */
import { startContext } from "./context.ts";

void startContext(Number(new URL(location.href).searchParams.get("within")));
