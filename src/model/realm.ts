/** A realm: one account's region, all that a request sees. */
export type Realm = { readonly account: string; readonly region: string };

/** The realm as text: the key of maps and files. */
export function realmKey({ account, region }: Realm): string {
  return `${account}/${region}`;
}

/** The inverse of {@link realmKey}. */
export function realmOf(key: string): Realm {
  const [account = "", region = ""] = key.split("/");
  return { account, region };
}
