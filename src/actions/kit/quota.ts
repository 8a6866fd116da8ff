import { Fault, type FaultCode } from "../../model/fault.ts";
import type { QuotaName } from "../../model/quota.ts";
import type { Context } from "./action.ts";

/**
 * Refuses to go over a quota. `used` is what there would be after the request.
 * @throws `code` with AWS's words and how to raise the quota.
 */
export function requireQuota(
  context: Context,
  name: QuotaName,
  used: number,
  code: FaultCode,
  message: string,
): void {
  const limit = context.quotas[name];
  if (used <= limit) return;
  throw new Fault(
    code,
    `${message} (The quota ${name} is ${limit}; start Genkan with --quota ${name}=${used} or more to raise it.)`,
  );
}
