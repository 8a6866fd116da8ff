import { Fault } from "../../model/fault.ts";
import type { LaunchTemplate, LaunchTemplateVersion } from "../../model/launch-template.ts";
import type { Reader } from "../../model/state.ts";
import { found } from "../kit/find.ts";
import { noSuch } from "../kit/not-found.ts";

/** How requests name a template: by one of the two. */
type Named = {
  readonly LaunchTemplateId?: string | undefined;
  readonly LaunchTemplateName?: string | undefined;
};

/** @throws MissingParameter; InvalidParameterCombination for both; the NotFound of the one that was given. */
export function findTemplate(
  tx: Reader,
  { LaunchTemplateId: id, LaunchTemplateName: name }: Named,
): LaunchTemplate {
  if (id !== undefined && name !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "You may specify either the launch template ID or the launch template name, but not both.",
    );
  }
  if (id !== undefined) return templateWithId(tx, id);
  if (name === undefined)
    throw new Fault(
      "MissingParameter",
      "The request must contain the parameter LaunchTemplateId or LaunchTemplateName",
    );
  return found(tx.by("launch-template", "name", name)[0], "launch-template-name", name);
}

/** @throws InvalidLaunchTemplateId.Malformed; InvalidLaunchTemplateId.NotFound. */
export function templateWithId(tx: Reader, id: string): LaunchTemplate {
  const template = tx.get("launch-template", id);
  if (!template) throw noSuch("launch-template", id);
  return template;
}

/**
 * The version that a number, `$Latest` or `$Default` names. @throws InvalidLaunchTemplateId.VersionNotFound.
 */
export function versionNumbered(template: LaunchTemplate, text: string): LaunchTemplateVersion {
  const found = template.versions.find(({ number }) => number === numberOf(template, text));
  if (!found) {
    const words = `Could not find the specified version ${text} for the launch template with ID ${template.id}.`;
    throw new Fault("InvalidLaunchTemplateId.VersionNotFound", words);
  }
  return found;
}

function numberOf({ defaultVersion, versions }: LaunchTemplate, text: string): number {
  if (text === "$Default") return defaultVersion;
  // The highest that is there, should the latest have been deleted.
  if (text === "$Latest") return versions.at(-1)?.number ?? 0;
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
