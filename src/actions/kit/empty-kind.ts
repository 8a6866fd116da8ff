import type { Action } from "./action.ts";
import { paged, type Filter, filtered } from "./describe.ts";
import { notFound, type Noun } from "./not-found.ts";

type Asked = {
  readonly Filter?: readonly Filter[] | undefined;
  readonly Filters?: readonly Filter[] | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
};

/**
 * Describes a kind of resource that can't be created here: the answer is always an empty list. An id is not
 * found; an unknown filter or page token is refused.
 */
export function describesNone<Input extends Asked, Output extends object>(
  noun: Noun,
  ids: (input: Input) => readonly string[] | undefined,
  answer: () => Output,
  filters: readonly string[],
): Action<Input, Output> {
  return (_tx, input) => {
    const [id] = ids(input) ?? [];
    if (id !== undefined) throw notFound(noun, id);
    filtered(
      [],
      input.Filters ?? input.Filter,
      Object.fromEntries(filters.map((name) => [name, () => undefined])),
    );
    paged([], input);
    return answer();
  };
}
