import { createHash, createHmac, randomUUID } from "node:crypto";

export type Signer = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** The value of the Host header. */
  readonly host: string;
};

const VERSION = "2016-11-15";

/**
 * An EC2 query as the SDKs send it: a form, signed with Signature Version 4 over the headers that they sign.
 * No two are alike: each carries an id of its own, as the SDKs' do.
 */
export function signedRequest(
  signer: Signer,
  parameters: Readonly<Record<string, string>>,
  now: Date,
): Buffer {
  const body = new URLSearchParams({ ...parameters, Version: VERSION }).toString();
  const date = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const headers: Readonly<Record<string, string>> = {
    "amz-sdk-invocation-id": randomUUID(),
    "amz-sdk-request": "attempt=1; max=3",
    "content-type": "application/x-www-form-urlencoded",
    host: signer.host,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": date,
  };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = `POST\n/\n\n${lines.join("")}\n${names}\n${headers["x-amz-content-sha256"]}`;
  const place = `${date.slice(0, 8)}/${signer.region}/ec2/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${place}\n${sha256(canonical)}`;
  const signature = createHmac("sha256", signingKey(signer, date.slice(0, 8)))
    .update(toSign)
    .digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${place}, SignedHeaders=${names}, Signature=${signature}`;
  const head = Object.entries({
    ...headers,
    "user-agent": "genkan-bench",
    "content-length": String(body.length),
    authorization,
  });
  return Buffer.from(
    `POST / HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`,
  );
}

function signingKey({ secretAccessKey, region }: Signer, day: string): Buffer {
  return [day, region, "ec2", "aws4_request"].reduce(
    (key, part) => createHmac("sha256", key).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
