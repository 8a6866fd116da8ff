import { prefixListDescribeActions } from "./prefix-list-describe.ts";
import { prefixListActions } from "./prefix-list.ts";
import { routeTableAssociationActions } from "./route-table-association.ts";
import { routeTableActions } from "./route-table.ts";
import { routeActions } from "./route.ts";

/** Route tables, their routes, and prefix lists. */
export const ROUTE_NOUNS = [
  routeTableActions,
  routeTableAssociationActions,
  routeActions,
  prefixListActions,
  prefixListDescribeActions,
] as const;
