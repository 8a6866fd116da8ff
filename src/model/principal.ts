import { createHash } from "node:crypto";

/** Who makes a request, as STS tells it (IAM user guide, "Unique identifiers"). */
export type Principal = {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
  /** The kind of temporary credentials in use; absent for a long-term key. */
  readonly session?: "role" | "user" | "federated";
};

/** The user that an account's key belongs to. It is not the root, which may assume no role. */
export function userOf(account: string): Principal {
  const arn = `arn:aws:iam::${account}:user/genkan`;
  return { account, arn, userId: uniqueId("AIDA", arn) };
}

/** A session of a role, with the path and the name from the role's ARN. */
export function roleSession(account: string, roleArn: string, sessionName: string): Principal {
  const name = roleArn.slice(roleArn.lastIndexOf("/") + 1);
  const userId = `${uniqueId("AROA", roleArn)}:${sessionName}`;
  return {
    account,
    arn: `arn:aws:sts::${account}:assumed-role/${name}/${sessionName}`,
    userId,
    session: "role",
  };
}

export function federatedUser(account: string, name: string): Principal {
  return {
    account,
    arn: `arn:aws:sts::${account}:federated-user/${name}`,
    userId: `${account}:${name}`,
    session: "federated",
  };
}

/** The same ARN always gives the same id. */
function uniqueId(prefix: string, arn: string): string {
  const digest = createHash("sha256").update(arn).digest();
  return (
    prefix +
    [...digest.subarray(0, 17)].map((byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".charAt(byte & 31)).join("")
  );
}
