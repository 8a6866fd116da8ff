/** A user's mistake, or a failure of the world, that ends a command. Only its message is shown. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
