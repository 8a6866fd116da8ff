/** Writes docs/operations.md from the marks of the operations and what a region says to their parameters. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { operationsTable } from "../test/operations-table.ts";

writeFileSync(join(import.meta.dirname, "../../docs/operations.md"), operationsTable());
