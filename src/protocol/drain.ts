/** What became of a machine that was to be drained, or taken into use again. */
export type DrainAnswer = { readonly machine: string; readonly drained: boolean };
