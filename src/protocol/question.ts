/** What a question to `/_genkan` asks about is not there; the message says what. Answered with status 404. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

/** A question that makes no sense; its message says what would. Answered with status 400. */
export class BadQuestion extends Error {
  override readonly name = "BadQuestion";
}
