export async function explained(_: object): Promise<number> {
  return 0;
}
