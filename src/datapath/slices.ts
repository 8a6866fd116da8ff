/** Long work in slices, between which others have their turn. */

/** A slice ends with the step that comes to this. */
const SLICE_MS = 20;

type Turns = {
  /** Milliseconds. */
  readonly clock: () => number;
  /** Resolves after so many milliseconds, in which others work. */
  readonly rest: (milliseconds: number) => Promise<unknown>;
  /** Asked after each rest: no step is made any more. */
  readonly ended: () => boolean;
};

/** Makes the steps; after each slice others have as long as it took. Returns how many milliseconds the steps took. */
export async function inSlices(steps: Iterator<unknown>, { clock, rest, ended }: Turns): Promise<number> {
  let worked = 0;
  for (;;) {
    const begin = clock();
    let done = false;
    while (!done && clock() - begin < SLICE_MS) done = steps.next().done === true;
    const took = clock() - begin;
    worked += took;
    if (done) return worked;
    await rest(took);
    if (ended()) return worked;
  }
}
