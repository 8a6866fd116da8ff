/** Writes the kernel program's header from the plan's tables and stages. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { header } from "../src/plan/header.ts";

writeFileSync(join(import.meta.dirname, "../../src/datapath/bpf/tables.h"), header());
