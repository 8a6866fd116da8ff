import { createHash } from "node:crypto";

/** Who asks, as STS tells it (IAM user guide, "Unique identifiers"). */
export type Principal = {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
  /** By which kind of temporary credentials it asks; absent for a long-term key. */
  readonly session?: "role" | "user" | "federated";
};

/** Whom the account's key belongs to. A user and not the root, which may assume no role. */
export function userOf(account: string): Principal {
  const arn = `arn:aws:iam::${account}:user/genkan`;
  return { account, arn, userId: uniqueId("AIDA", arn) };
}

/** A session of a role; `path` and name are those of the role's ARN. */
export function roleSession(account: string, roleArn: string, sessionName: string): Principal {
  const name = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  const userId = `${uniqueId("AROA", roleArn)}:${sessionName}`;
  return { account, arn: `arn:aws:sts::${account}:assumed-role/${name}/${sessionName}`, userId, session: "role" };
}

export function federatedUser(account: string, name: string): Principal {
  return { account, arn: `arn:aws:sts::${account}:federated-user/${name}`, userId: `${account}:${name}`, session: "federated" };
}

/** Always the same for the same ARN. */
function uniqueId(prefix: string, arn: string): string {
  const digest = createHash("sha256").update(arn).digest();
  return prefix + [...digest.subarray(0, 17)].map((byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".charAt(byte & 31)).join("");
}
