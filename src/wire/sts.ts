import { Fault } from "../model/fault.ts";
import { escapeXml } from "./encode.ts";
import { clip, parameter, type Parameters } from "./parameters.ts";

/** The Security Token Service's only operation here: clients ask it which account they are in. */
export const STS_OPERATION = "GetCallerIdentity";
const STS_VERSION = "2011-06-15";
const NAMESPACE = `https://sts.amazonaws.com/doc/${STS_VERSION}/`;

/** @throws MissingAction, InvalidAction, NoSuchVersion for anything but GetCallerIdentity */
export function checkStsRequest(parameters: Parameters): void {
  const name = parameter(parameters, "Action");
  if (!name) throw new Fault("MissingAction", "The request must contain the parameter Action");
  const version = parameter(parameters, "Version") ?? STS_VERSION;
  if (name !== STS_OPERATION || version !== STS_VERSION) {
    throw new Fault("InvalidAction", `Could not find operation ${clip(name)} for version ${clip(version)}`);
  }
}

/** The answer of GetCallerIdentity: whoever holds a key of the account is its root (STS API reference, GetCallerIdentity). */
export function encodeCallerIdentity(account: string, requestId: string): string {
  const id = escapeXml(account);
  const result = `<Arn>arn:aws:iam::${id}:root</Arn><UserId>${id}</UserId><Account>${id}</Account>`;
  const metadata = `<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata>`;
  return `<GetCallerIdentityResponse xmlns="${NAMESPACE}"><GetCallerIdentityResult>${result}</GetCallerIdentityResult>${metadata}</GetCallerIdentityResponse>`;
}

/** An error in the form of STS; `status` is the HTTP status that goes with it. */
export function encodeStsFault(
  fault: { readonly code: string; readonly message: string; readonly status: number },
  requestId: string,
): string {
  const type = fault.status >= 500 ? "Receiver" : "Sender";
  const error = `<Error><Type>${type}</Type><Code>${escapeXml(fault.code)}</Code><Message>${escapeXml(fault.message)}</Message></Error>`;
  return `<ErrorResponse xmlns="${NAMESPACE}">${error}<RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`;
}
