/** Long work in slices, so that other work gets its turn in between. */

/** A slice ends with the step that reaches this length. */
const SLICE_MILLISECONDS = 20;

type Turns = {
  /** Milliseconds. */
  readonly clock: () => number;
  /** Resolves after so many milliseconds; other work runs meanwhile. */
  readonly rest: (milliseconds: number) => Promise<unknown>;
  /** Checked after each rest: true stops the work. */
  readonly ended: () => boolean;
};

/**
 * Runs the steps. After each slice it rests for as long as the slice took. Returns the milliseconds that the
 * steps took.
 */
export async function inSlices(steps: Iterator<unknown>, { clock, rest, ended }: Turns): Promise<number> {
  let worked = 0;
  for (;;) {
    const begin = clock();
    let done = false;
    while (!done && clock() - begin < SLICE_MILLISECONDS) done = steps.next().done === true;
    const took = clock() - begin;
    worked += took;
    if (done) return worked;
    await rest(took);
    if (ended()) return worked;
  }
}
