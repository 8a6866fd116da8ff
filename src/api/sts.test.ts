import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { after, test } from "node:test";
import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import * as sts from "@aws-sdk/client-sts";
import type { ApiRequest } from "./api.ts";
import { createServer, type RunningServer } from "./http.ts";
import { Sessions } from "./session.ts";
import { type Issuer, WebIdentity } from "./web-identity.ts";

const OWN = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret" };
const ROLE = "arn:aws:iam::111122223333:role/path/deploy";
const opened: RunningServer[] = [];
after(() => Promise.all(opened.map((server) => server.close())));

let filling = 0;
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => (filling += 7) % 256);

type Setting = {
  readonly secret?: string;
  readonly issuers?: readonly Issuer[];
  readonly auth?: "signature" | "none";
  readonly clock?: { ahead: number };
};

async function start({ secret = "s", issuers = [], auth = "signature", clock = { ahead: 0 } }: Setting = {}) {
  const requests: ApiRequest[] = [];
  const sessions = new Sessions(secret, bytes);
  const now = (): Date => new Date(Date.now() + clock.ahead);
  const server = await createServer({
    host: "127.0.0.1",
    port: 0,
    auth,
    lookupKey: (id, token) => {
      if (token !== undefined) return sessions.lookUp(id, token, now());
      return id === OWN.accessKeyId
        ? { secretAccessKey: OWN.secretAccessKey, account: "123456789012" }
        : undefined;
    },
    sts: { sessions, webIdentity: new WebIdentity(issuers, auth === "none") },
    defaults: { account: "123456789012", region: "us-east-1" },
    now,
    perform: (request) => {
      requests.push(request);
      return Promise.resolve({ Vpcs: [] });
    },
    internal: () => Promise.resolve({ status: 200, type: "application/json", body: "{}" }),
    log: () => undefined,
  });
  opened.push(server);
  const to = {
    endpoint: `http://127.0.0.1:${server.port}`,
    region: "us-east-1",
    maxAttempts: 1,
    systemClockOffset: clock.ahead,
  };
  const ask = <T>(command: (client: sts.STSClient) => Promise<T>, credentials: object = OWN): Promise<T> => {
    const client = new sts.STSClient({
      ...to,
      credentials: credentials as typeof OWN,
      systemClockOffset: clock.ahead,
    });
    return command(client).finally(() => client.destroy());
  };
  const describe = (credentials: object): Promise<unknown> => {
    const client = new EC2Client({
      ...to,
      credentials: credentials as typeof OWN,
      systemClockOffset: clock.ahead,
    });
    return client.send(new DescribeVpcsCommand({})).finally(() => client.destroy());
  };
  const assume = (more: Partial<sts.AssumeRoleCommandInput> = {}, credentials: object = OWN) =>
    ask(
      (client) => client.send(new sts.AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: "ci", ...more })),
      credentials,
    );
  const whoami = (credentials: object) =>
    ask((client) => client.send(new sts.GetCallerIdentityCommand({})), credentials);
  return { server, requests, ask, describe, assume, whoami, clock };
}

/** The keys in the form that the SDK takes. */
function keysOf({ Credentials: given }: { readonly Credentials?: sts.Credentials | undefined }) {
  assert.ok(
    given?.AccessKeyId !== undefined &&
      given.SecretAccessKey !== undefined &&
      given.SessionToken !== undefined,
  );
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
  };
}

test("a role is assumed, its session asks in its account, and is told who it is", async () => {
  const { requests, describe, assume, whoami, ask } = await start();
  const answer = await assume({ DurationSeconds: 900 });
  const keys = keysOf(answer);
  assert.match(keys.accessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.equal(answer.AssumedRoleUser?.Arn, "arn:aws:sts::111122223333:assumed-role/deploy/ci");
  const left = ((answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now()) / 1000;
  assert.ok(left > 850 && left <= 900, String(left));
  const { Arn, Account, UserId } = await whoami(keys);
  assert.deepEqual(
    [Arn, Account, UserId],
    [answer.AssumedRoleUser?.Arn, "111122223333", answer.AssumedRoleUser?.AssumedRoleId],
  );
  assert.match(UserId ?? "", /^AROA[A-Z2-7]{17}:ci$/);
  await describe(keys);
  assert.deepEqual([requests[0]?.account, requests[0]?.caller.arn], ["111122223333", Arn]);
  const { Account: ofKey } = await ask((client) =>
    client.send(new sts.GetAccessKeyInfoCommand({ AccessKeyId: keys.accessKeyId })),
  );
  assert.equal(ofKey, "111122223333");
  const chained = await assume({ RoleArn: ROLE.replace("deploy", "next") }, keys);
  assert.match(chained.AssumedRoleUser?.Arn ?? "", /assumed-role\/next\/ci$/);
  await assert.rejects(assume({ DurationSeconds: 3601 }, keys), {
    name: "ValidationError",
    message: /1 hour session limit for roles assumed by role chaining/,
  });
});

test("keys without their token, with another's token, or with any byte changed are refused", async () => {
  const { describe, assume, whoami, requests } = await start();
  const [one, two] = [keysOf(await assume()), keysOf(await assume({ RoleSessionName: "two" }))];
  const { sessionToken: token } = one;
  const middle = Math.floor(token.length / 2);
  const flipped = token.slice(0, middle) + (token[middle] === "A" ? "B" : "A") + token.slice(middle + 1);
  for (const bad of [
    { ...one, sessionToken: undefined },
    { ...one, sessionToken: two.sessionToken },
    { ...one, sessionToken: flipped },
    { ...one, sessionToken: "x" },
    { ...OWN, sessionToken: token },
    { ...one, accessKeyId: OWN.accessKeyId, secretAccessKey: OWN.secretAccessKey },
  ]) {
    await assert.rejects(describe(bad), { name: "AuthFailure" });
    await assert.rejects(whoami(bad), { name: "InvalidClientTokenId" });
  }
  await assert.rejects(describe({ ...one, secretAccessKey: two.secretAccessKey }), {
    name: "SignatureDoesNotMatch",
  });
  assert.equal(requests.length, 0);
});

test("a token outlives a restart, and no longer than it says; another Genkan does not take it", async () => {
  const keys = keysOf(await (await start({ secret: "home" })).assume({ DurationSeconds: 900 }));
  await (await start({ secret: "home" })).describe(keys);
  await assert.rejects((await start({ secret: "elsewhere" })).describe(keys), { name: "AuthFailure" });
  const later = await start({ secret: "home", clock: { ahead: 901_000 } });
  await assert.rejects(later.describe(keys), { name: "RequestExpired" });
  await assert.rejects(later.whoami(keys), {
    name: "ExpiredToken",
    message: "The security token included in the request is expired",
  });
});

test("a session token is the user's own, and gives neither another nor a federated one", async () => {
  const { ask, whoami } = await start();
  const own = await whoami(OWN);
  const session = (more: object = {}, credentials: object = OWN) =>
    ask((client) => client.send(new sts.GetSessionTokenCommand(more)), credentials);
  const keys = keysOf(await session({ DurationSeconds: 129_600 }));
  const again = await whoami(keys);
  assert.deepEqual([again.Arn, again.UserId], [own.Arn, own.UserId]);
  await assert.rejects(session({}, keys), {
    name: "AccessDenied",
    message: "Cannot call GetSessionToken with session credentials",
  });
  await assert.rejects(session({ DurationSeconds: 129_601 }), { name: "ValidationError" });
  const federate = (credentials: object = OWN) =>
    ask((client) => client.send(new sts.GetFederationTokenCommand({ Name: "bob" })), credentials);
  const bob = await federate();
  assert.equal((await whoami(keysOf(bob))).Arn, "arn:aws:sts::123456789012:federated-user/bob");
  await assert.rejects(federate(keys), { name: "AccessDenied" });
  const assumed = ask(
    (client) => client.send(new sts.AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: "ci" })),
    keysOf(bob),
  );
  await assert.rejects(assumed, { name: "AccessDenied" });
});

test("STS's refusals have its codes and words", async () => {
  const { assume, ask } = await start();
  const refused = async (
    more: Partial<sts.AssumeRoleCommandInput>,
    message: RegExp,
    name = "ValidationError",
  ): Promise<void> => assert.rejects(assume(more), { name, message });
  await refused({ RoleArn: "arn:aws:iam::1:role/x" }, /is invalid/);
  await refused({ RoleArn: "arn:aws:iam::111122223333:user/deploy" }, /is invalid/);
  await refused(
    { RoleArn: "short" },
    /'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20/,
  );
  await refused(
    { RoleSessionName: "a b" },
    /'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern/,
  );
  await refused({ RoleSessionName: "x" }, /greater than or equal to 2/);
  await refused({ DurationSeconds: 899 }, /greater than or equal to 900/);
  await refused({ DurationSeconds: 43_201 }, /less than or equal to 43200/);
  await refused({ Policy: "no json" }, /invalid Json/, "MalformedPolicyDocumentException");
  const decoded = ask((client) =>
    client.send(new sts.DecodeAuthorizationMessageCommand({ EncodedMessage: "x" })),
  );
  await assert.rejects(decoded, { name: "InvalidAuthorizationMessageException" });
});

const ISSUER = "https://token.example.com";
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const EC = generateKeyPairSync("ec", { namedCurve: "P-256" });
const KEYS = [
  { url: ISSUER, keys: [RSA.publicKey.export({ format: "jwk" }), EC.publicKey.export({ format: "jwk" })] },
];

function jwt(
  claims: object,
  key: KeyObject = RSA.privateKey,
  alg = key.asymmetricKeyType === "rsa" ? "RS256" : "ES256",
): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg, typ: "JWT" })}.${part({ iss: ISSUER, sub: "repo:me/it", aud: "sts.amazonaws.com", exp: now + 600, ...claims })}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

test("a web identity assumes a role by its issuer's signature, and by nothing less", async () => {
  const { server, ask, whoami } = await start({ issuers: KEYS });
  const assume = (WebIdentityToken: string) =>
    ask((client) =>
      client.send(
        new sts.AssumeRoleWithWebIdentityCommand({ RoleArn: ROLE, RoleSessionName: "ci", WebIdentityToken }),
      ),
    );
  for (const key of [RSA.privateKey, EC.privateKey]) {
    const answer = await assume(jwt({}, key));
    assert.deepEqual(
      [answer.SubjectFromWebIdentityToken, answer.Audience],
      ["repo:me/it", "sts.amazonaws.com"],
    );
    assert.equal((await whoami(keysOf(answer))).Arn, "arn:aws:sts::111122223333:assumed-role/deploy/ci");
  }
  const [head = "", , signature = ""] = jwt({}).split(".");
  const forged = `${head}.${jwt({ sub: "other" }).split(".")[1]}.${signature}`;
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const now = Math.floor(Date.now() / 1000);
  for (const [token, name] of [
    [forged, "InvalidIdentityTokenException"],
    [jwt({}, stranger), "InvalidIdentityTokenException"],
    [`${head}.${forged.split(".")[1]}.`, "InvalidIdentityTokenException"],
    [jwt({}, RSA.privateKey, "none"), "InvalidIdentityTokenException"],
    [jwt({ iss: "https://other.example.com" }), "InvalidIdentityTokenException"],
    [jwt({ sub: undefined }), "InvalidIdentityTokenException"],
    [jwt({ nbf: now + 600 }), "InvalidIdentityTokenException"],
    ["no token", "ValidationError"],
    ["not.a.token", "InvalidIdentityTokenException"],
    [jwt({ exp: now - 1 }), "ExpiredTokenException"],
  ] as const)
    await assert.rejects(assume(token), { name }, token);
  // No other unsigned request is answered.
  for (const body of [
    "Action=GetCallerIdentity&Version=2011-06-15",
    "Action=DescribeVpcs&Version=2016-11-15",
    "Action=AssumeRole&Version=2011-06-15",
  ]) {
    const answer = await fetch(`http://127.0.0.1:${server.port}/`, {
      method: "POST",
      body,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    assert.deepEqual(
      [answer.status, /MissingAuthenticationToken/.test(await answer.text())],
      [403, true],
      body,
    );
  }
});

test("without an issuer a web identity passes only when signatures are turned off", async () => {
  const assume = async (auth: "signature" | "none") =>
    (await start({ auth })).ask((client) =>
      client.send(
        new sts.AssumeRoleWithWebIdentityCommand({
          RoleArn: ROLE,
          RoleSessionName: "ci",
          WebIdentityToken: jwt({}),
        }),
      ),
    );
  await assert.rejects(assume("signature"), { name: "MissingAuthenticationToken" });
  assert.equal((await assume("none")).SubjectFromWebIdentityToken, "repo:me/it");
});
