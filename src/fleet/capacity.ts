/**
 * Which gateways take packets: as many as the traffic needs, two at least, the others stand by. The leader
 * decides, one change at a time.
 */

export type GatewayState = {
  readonly number: number;
  readonly live: boolean;
  /** Taken out of use by hand: it is left alone. */
  readonly drained: boolean;
  readonly standby: boolean;
  /** How full it is; 1: full. Undefined: it has not said so since the last change showed. */
  readonly load: number | undefined;
};

/** From when on, in milliseconds of the leader's clock, it has been so; undefined: it is not so. */
export type CapacityMemory = {
  readonly full: number | undefined;
  readonly roomy: number | undefined;
};

/** What is to change, all at once. */
export type CapacityChange = {
  /** The number of the gateway that is to take packets. */
  readonly active?: number;
  /** The number of the gateway that is to stand by. */
  readonly standby?: number;
};

export const NOTHING_SEEN: CapacityMemory = { full: undefined, roomy: undefined };

/** What a region has active whatever its traffic is. */
export const FEWEST_ACTIVE = 2;
const FULL = 3 / 4;
const ROOMY = 2 / 3;
/** How long it must be so. A gateway too many costs little, one too few loses packets. */
const FULL_MILLISECONDS = 2_000;
const ROOMY_MILLISECONDS = 30_000;

/**
 * A gateway that is away changes places with one that stands by, at once. When the active ones are three
 * quarters full on average, one joins; when all but one would be at most two thirds full, that one stands by.
 * Between the two lies what no change can leave, so that constant traffic is followed by no more than the
 * changes that it needs, however it is spread.
 */
export function nextCapacity(
  gateways: readonly GatewayState[],
  memory: CapacityMemory,
  now: number,
): { readonly memory: CapacityMemory; readonly change?: CapacityChange } {
  const usable = gateways.filter(({ drained }) => !drained).toSorted((a, b) => a.number - b.number);
  const active = usable.filter(({ live, standby }) => live && !standby);
  const waiting = usable.find(({ live, standby }) => live && standby);
  const away = usable.find(({ live, standby }) => !live && !standby);
  if (waiting && (away || active.length < FEWEST_ACTIVE))
    return {
      memory: NOTHING_SEEN,
      change: { active: waiting.number, ...(away ? { standby: away.number } : {}) },
    };
  const loads = active.flatMap(({ load }) => (load === undefined ? [] : [load]));
  const total = loads.reduce((sum, load) => sum + load, 0);
  const since = (is: boolean, before: number | undefined): number | undefined =>
    is ? (before ?? now) : undefined;
  const full = since(loads.length > 0 && total >= FULL * loads.length, memory.full);
  const isRoomy =
    active.length > FEWEST_ACTIVE && loads.length === active.length && total <= ROOMY * (active.length - 1);
  const roomy = since(isRoomy, memory.roomy);
  if (waiting && full !== undefined && now - full >= FULL_MILLISECONDS)
    return { memory: NOTHING_SEEN, change: { active: waiting.number } };
  const last = active.at(-1);
  if (last && roomy !== undefined && now - roomy >= ROOMY_MILLISECONDS)
    return { memory: NOTHING_SEEN, change: { standby: last.number } };
  return { memory: { full, roomy } };
}
