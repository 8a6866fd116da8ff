import { Fault } from "../model/fault.ts";
import { escapeXml } from "./encode.ts";
import { clip, parameter, type Parameters } from "./parameters.ts";

/** The operations of the Security Token Service that Genkan answers. */
const STS_OPERATIONS = [
  "AssumeRole",
  "AssumeRoleWithWebIdentity",
  "DecodeAuthorizationMessage",
  "GetAccessKeyInfo",
  "GetCallerIdentity",
  "GetFederationToken",
  "GetSessionToken",
] as const;
export type StsOperation = (typeof STS_OPERATIONS)[number];

export const STS_VERSION = "2011-06-15";
const NAMESPACE = `https://sts.amazonaws.com/doc/${STS_VERSION}/`;

/** The operation that a request names. @throws MissingAction, InvalidAction */
export function stsOperation(parameters: Parameters): StsOperation {
  const name = parameter(parameters, "Action");
  if (!name) throw new Fault("MissingAction", "The request must contain the parameter Action");
  const version = parameter(parameters, "Version") ?? STS_VERSION;
  const operation = STS_OPERATIONS.find((known) => known === name);
  if (operation && version === STS_VERSION) return operation;
  throw new Fault("InvalidAction", `Could not find operation ${clip(name)} for version ${clip(version)}`);
}

/** An element's text, or the elements inside it. Undefined ones are left out. */
export type StsResult = { readonly [element: string]: string | number | Date | StsResult | undefined };

export function encodeStsOutput(operation: StsOperation, result: StsResult, requestId: string): string {
  const metadata = `<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata>`;
  const body = `<${operation}Result>${elements(result)}</${operation}Result>`;
  return `<${operation}Response xmlns="${NAMESPACE}">${body}${metadata}</${operation}Response>`;
}

function elements(result: StsResult): string {
  return Object.entries(result)
    .flatMap(([name, value]) => {
      if (value === undefined) return [];
      const isText = typeof value === "string" || typeof value === "number";
      const text = isText
        ? escapeXml(String(value))
        : value instanceof Date
          ? value.toISOString().replace(".000Z", "Z")
          : elements(value);
      return [`<${name}>${text}</${name}>`];
    })
    .join("");
}

/** An error in the form of STS; `status` is its HTTP status. */
export function encodeStsFault(
  fault: { readonly code: string; readonly message: string; readonly status: number },
  requestId: string,
): string {
  const type = fault.status >= 500 ? "Receiver" : "Sender";
  const error = `<Error><Type>${type}</Type><Code>${escapeXml(fault.code)}</Code><Message>${escapeXml(fault.message)}</Message></Error>`;
  return `<ErrorResponse xmlns="${NAMESPACE}">${error}<RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`;
}
