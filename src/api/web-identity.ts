import { createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import { Fault } from "../model/fault.ts";

export type Identified = { readonly issuer: string; readonly subject: string; readonly audience: string };

/** An issuer of OpenID Connect tokens and its keys (RFC 7517, a JSON Web Key Set). */
export type Issuer = { readonly url: string; readonly keys: readonly JsonWebKey[] };

/** Returns the issuer when its keys are valid. @throws the error of Node's crypto otherwise. */
export function checkedIssuer(issuer: Issuer): Issuer {
  for (const key of issuer.keys) createPublicKey({ key, format: "jwk" });
  return issuer;
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads tokens of OpenID Connect (RFC 7519). The issuer must be known, and one of its keys must have signed
 * the token.
 * `believing` accepts every well-formed token, as a Genkan without signatures accepts every request. The
 * audience and the role's policy are not checked.
 */
export class WebIdentity {
  readonly #keys: ReadonlyMap<string, readonly KeyObject[]>;
  readonly #believing: boolean;

  constructor(issuers: readonly Issuer[], believing: boolean) {
    this.#keys = new Map(
      issuers.map(({ url, keys }) => [url, keys.map((key) => createPublicKey({ key, format: "jwk" }))]),
    );
    this.#believing = believing;
  }

  /** Whether any token can be accepted. */
  get isOffered(): boolean {
    return this.#believing || this.#keys.size > 0;
  }

  /** @throws InvalidIdentityToken; ExpiredTokenException. */
  identify(token: string, now: Date): Identified {
    const [head = "", body = "", signature = "", ...more] = token.split(".");
    const [header, claims] = [objectIn(head), objectIn(body)];
    if (!header || !claims || more.length > 0)
      throw unfit(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
      );
    const { iss: issuer, sub: subject, aud, exp } = claims;
    if (typeof issuer !== "string" || typeof subject !== "string")
      throw unfit("Missing a required claim: iss and sub");
    const audience = Array.isArray(aud) ? (aud as readonly unknown[])[0] : aud;
    if (typeof audience !== "string") throw unfit("Missing a required claim: aud");
    if (!this.#believing) this.#requireSigned({ issuer, header, signed: `${head}.${body}`, signature });
    requireTimes(claims, exp, now);
    return { issuer, subject, audience };
  }

  #requireSigned({
    issuer,
    header,
    signed,
    signature,
  }: {
    readonly issuer: string;
    readonly header: Claims;
    readonly signed: string;
    readonly signature: string;
  }): void {
    const keys = this.#keys.get(issuer);
    if (!keys) throw unfit(`No OpenIDConnect provider found in your account for ${issuer.slice(0, 256)}`);
    const bytes = Buffer.from(signature, "base64url");
    if (!keys.some((key) => isSigned(key, header["alg"], Buffer.from(signed), bytes)))
      throw unfit("Token signature invalid");
  }
}

/**
 * The algorithms of issuers that AWS accepts (IAM user guide, "Create an OpenID Connect identity provider").
 */
function isSigned(key: KeyObject, algorithm: unknown, data: Buffer, signature: Buffer): boolean {
  const type = key.asymmetricKeyType;
  if (algorithm === "RS256" && type === "rsa") return verify("sha256", data, key, signature);
  if (algorithm === "ES256" && type === "ec")
    return verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
  return false;
}

function requireTimes(claims: Claims, exp: unknown, now: Date): void {
  const seconds = Math.floor(now.getTime() / 1000);
  if (typeof exp !== "number") throw unfit("Missing a required claim: exp");
  if (exp <= seconds) {
    throw new Fault(
      "ExpiredTokenException",
      `Token expired: current date/time ${seconds} must be before the expiration date/time ${exp}`,
    );
  }
  const { nbf } = claims;
  if (typeof nbf === "number" && nbf > seconds) throw unfit("Token is not valid yet");
}

function objectIn(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}

function unfit(message: string): Fault {
  return new Fault("InvalidIdentityToken", message);
}
