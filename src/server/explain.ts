export function explainInstance(_: object): object {
  return { steps: [] };
}
