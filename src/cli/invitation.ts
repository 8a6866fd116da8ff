import type { Invitation } from "../protocol/invitation.ts";

/** What a person does on another machine. */
export function invitationLines({ door, token, ends }: Invitation): readonly string[] {
  const until = new Date(ends).toISOString().slice(0, 16).replace("T", " ");
  return [
    `To make another machine part of this region, run there, until ${until} UTC:`,
    `  sudo ./genkan join ${door} --token ${token}`,
  ];
}
