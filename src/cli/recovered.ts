import type { RecoverAnswer } from "../protocol/recover.ts";

/** What a person is told of the instances of a machine that is away. */
export function recoveredLines({ machine, moved, left }: RecoverAnswer): readonly string[] {
  if (moved.length + left.length === 0) return [`${machine} ran no instance.`];
  return [
    ...moved.map(({ instance, to }) => `${instance} starts on ${to}, with fresh files.`),
    ...left.map((instance) => `${instance} stays: no machine of its zone has room for it.`),
  ];
}
