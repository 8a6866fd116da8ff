/** How many packets an interface has sent to link-local services in a second. */
export type Spent = { readonly second: bigint; readonly packets: number };
export type Allowances = { readonly get: (slot: number) => Spent | undefined };
export type AllowanceMemory = Allowances & { readonly remember: (spent: ReadonlyMap<number, Spent>) => void };

export const NOTHING_SPENT: Allowances = { get: () => undefined };

export function allowanceMemory(): AllowanceMemory {
  const known = new Map<number, Spent>();
  return {
    get: (slot) => known.get(slot),
    remember: (spent) => {
      for (const [slot, one] of spent) known.set(slot, one);
    },
  };
}
