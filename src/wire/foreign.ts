import { escapeXml } from "./encode.ts";
import { claimedScope, type Headed, headerOf, isOwnService } from "./sigv4.ts";

/** A request for a service that Genkan does not have. */
export type Foreign = {
  /** The service in its signature or target; undefined when neither names one. */
  readonly service: string | undefined;
  readonly protocol: Protocol;
};
/** The protocols of AWS's services (Smithy 2.0, "AWS protocols"). */
type Protocol = "query" | "json" | "cbor" | "rest-json" | "rest-xml" | "s3";

/**
 * The service that a request's headers and path show, when Genkan does not have it; undefined when the
 * request may be for one that it has.
 */
export function foreignOf(request: Headed): Foreign | undefined {
  const claimed = claimedScope(request)?.service;
  if (claimed !== undefined)
    return isOwnService(claimed) ? undefined : { service: claimed, protocol: protocolOf(request, claimed) };
  const target = targetOf(request);
  if (target !== undefined)
    return target.startsWith(SSM_TARGET)
      ? undefined
      : { service: undefined, protocol: protocolOf(request, "") };
  return request.path === "/" || request.path === ""
    ? undefined
    : { service: undefined, protocol: protocolOf(request, "") };
}

export const SSM_TARGET = "AmazonSSM.";

/**
 * The operation in the header of AWS's JSON protocols, such as `DynamoDB_20120810.Scan`; undefined for other
 * protocols.
 */
export function targetOf(request: Headed): string | undefined {
  const target = headerOf(request, "x-amz-target");
  return target !== undefined && /^\w[\w.]*\.\w+$/.test(target) ? target : undefined;
}

function protocolOf(request: Headed, service: string): Protocol {
  if (headerOf(request, "smithy-protocol") === "rpc-v2-cbor") return "cbor";
  if (targetOf(request) !== undefined) return "json";
  if (service === "s3" || service === "s3express") return "s3";
  if (XML_SERVICES.has(service)) return "rest-xml";
  const isForm =
    headerOf(request, "content-type")?.toLowerCase().startsWith("application/x-www-form-urlencoded") === true;
  const isRoot = request.path === "/" || request.path === "";
  return isForm || (isRoot && /(^|&)Action=/.test(request.query)) ? "query" : "rest-json";
}

/**
 * Services besides S3 that speak REST with XML, by the name in signatures (Smithy 2.0,
 * `aws.protocols#restXml`).
 */
const XML_SERVICES: ReadonlySet<string> = new Set(["cloudfront", "route53"]);

export type ForeignAnswer = {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * An error in the protocol's own form. Without `code` it has the protocol's own code for an unknown
 * operation.
 */
export function encodeForeignFault(
  request: Headed,
  { protocol }: Foreign,
  fault: { readonly status?: number; readonly code?: string; readonly message: string },
  requestId: string,
): ForeignAnswer {
  const own = UNKNOWN[protocol];
  const { status = own.status, code = own.code, message } = fault;
  const [id, words] = [
    escapeXml(requestId),
    `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`,
  ];
  const type = headerOf(request, "content-type");
  switch (protocol) {
    case "query":
    case "rest-xml": {
      const error = `<Error><Type>${status < 500 ? "Sender" : "Receiver"}</Type>${words}</Error>`;
      return {
        status,
        type: "text/xml",
        body: Buffer.from(`<ErrorResponse>${error}<RequestId>${id}</RequestId></ErrorResponse>`),
      };
    }
    case "s3":
      return {
        status,
        type: "application/xml",
        body: Buffer.from(
          `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${words}<RequestId>${id}</RequestId></Error>`,
        ),
      };
    case "json":
      return {
        status,
        type: type === "application/x-amz-json-1.0" ? type : "application/x-amz-json-1.1",
        body: Buffer.from(JSON.stringify({ __type: code, message })),
      };
    case "rest-json":
      return {
        status,
        type: "application/json",
        body: Buffer.from(JSON.stringify({ message })),
        headers: { "x-amzn-ErrorType": code },
      };
    case "cbor":
      return {
        status,
        type: "application/cbor",
        body: cborMap({ __type: code, message }),
        headers: { "smithy-protocol": "rpc-v2-cbor" },
      };
  }
}

const UNKNOWN: Readonly<Record<Protocol, { readonly status: number; readonly code: string }>> = {
  query: { status: 400, code: "InvalidAction" },
  json: { status: 400, code: "UnknownOperationException" },
  cbor: { status: 404, code: "UnknownOperationException" },
  "rest-json": { status: 404, code: "UnknownOperationException" },
  "rest-xml": { status: 400, code: "InvalidAction" },
  s3: { status: 501, code: "NotImplemented" },
};

/** A map of texts in CBOR (RFC 8949 section 3). */
function cborMap(members: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(members);
  return Buffer.concat([Buffer.from([0xa0 | entries.length]), ...entries.flat().map(cborText)]);
}

function cborText(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const head = bytes.length < 24 ? [0x60 | bytes.length] : [0x79, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}
