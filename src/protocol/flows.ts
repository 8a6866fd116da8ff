/** A record of a flow log: its line, and its fields by name. */
export type FlowLine = {
  readonly kind: "record";
  /** The flow log's id. */
  readonly log: string;
  readonly line: string;
  readonly fields: Readonly<Record<string, string>>;
};

/** What a reader of flow logs is told, a line of JSON each. */
export type FlowMessage =
  | FlowLine
  /** Records are followed; said at the beginning, and every now and then. */
  | { readonly kind: "watching" }
  | { readonly kind: "end"; readonly why: "count" | "read" | "stopped" };
