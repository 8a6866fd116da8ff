/** An error and its causes in one line. */
export function reasons(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause === undefined ? cause.message : `${cause.message}: ${reasons(cause.cause)}`;
}
