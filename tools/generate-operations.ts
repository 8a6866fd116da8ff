/** Writes docs/operations.md from the marks of the operations and what a region says to their parameters. */

import { operationsTable } from "../test/operations/operations-table.ts";
import { generated } from "./generated.ts";

generated("docs/operations.md", operationsTable());
