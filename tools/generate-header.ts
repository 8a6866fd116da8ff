/** Writes the kernel program's headers from what it agrees on with user space. */

import { HEADERS } from "../src/contract/header.ts";
import { generated } from "./generated.ts";

for (const [file, header] of Object.entries(HEADERS)) generated(`src/datapath/bpf/${file}`, header());
