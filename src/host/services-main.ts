/** The metadata service and the VPCs' resolver, for all instances of this machine. A process of its own. */
import { sayReady } from "./ready.ts";

setInterval(() => undefined, 1 << 30);
sayReady();
