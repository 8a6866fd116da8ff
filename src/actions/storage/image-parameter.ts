import { type Image, imagesOf } from "./image-catalogue.ts";

/**
 * A public parameter of AWS's parameter store, as its API tells it (Systems Manager API reference,
 * Parameter).
 */
export type ImageParameter = {
  readonly ARN: string;
  readonly DataType: "text" | "aws:ec2:image";
  /** Seconds since 1970. */
  readonly LastModifiedDate: number;
  readonly Name: string;
  readonly Type: "String";
  readonly Value: string;
  readonly Version: number;
};

/**
 * The parameters under which AWS tells the newest images of a region, by name; each has the one version 1.
 */
export function imageParameters(region: string): ReadonlyMap<string, ImageParameter> {
  const parameters = imagesOf(region).flatMap((image) =>
    image.parameters.map((name) => parameterOf(name, image, region)),
  );
  return new Map(
    parameters.toSorted((a, b) => (a.Name < b.Name ? -1 : 1)).map((parameter) => [parameter.Name, parameter]),
  );
}

function parameterOf(name: string, image: Image, region: string): ImageParameter {
  return {
    ARN: `arn:aws:ssm:${region}::parameter${name}`,
    DataType: name.startsWith("/aws/service/canonical/") ? "aws:ec2:image" : "text",
    LastModifiedDate: Date.parse(image.creationDate) / 1000,
    Name: name,
    Type: "String",
    Value: image.id,
    Version: 1,
  };
}
