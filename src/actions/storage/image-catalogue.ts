import { createHash } from "node:crypto";
import { present } from "../../lib/assert.ts";
import type { ImageDevice, OwnImage } from "../../model/image.ts";
import { volumeShape } from "./volume-shape.ts";

/**
 * What is known of a machine image. Instances run the same small system whatever their image; its facts are
 * records.
 */
export type Image = {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly ownerId: string;
  readonly ownerAlias?: string;
  /** Absent where the id says nothing of it: such an image runs on every type. */
  readonly boundTo?: "x86_64" | "arm64";
  readonly architecture: "x86_64" | "arm64";
  readonly creationDate: string;
  readonly rootDeviceName: string;
  /** The root volume is one of them. */
  readonly devices: readonly ImageDevice[];
  readonly bootMode: OwnImage["bootMode"];
  /** Instances require IMDSv2 and allow two hops, unless the launch says otherwise. */
  readonly imdsV2: boolean;
  /** The names under which AWS's parameter store tells the newest id. */
  readonly parameters: readonly string[];
  /** It is an AWS image that Genkan lists, or one of the account's own. */
  readonly isListed: boolean;
  /** Everybody may launch it; absent of all but the account's own, which say who may. */
  readonly own?: OwnImage;
};

/** The snapshot that its root volume starts from. */
export function rootOf({ devices, rootDeviceName }: Image): ImageDevice {
  return present(
    devices.find(({ deviceName }) => deviceName === rootDeviceName),
    "a root volume",
  );
}

/** The one volume of a listed image. */
function onlyDevice(
  snapshotId: string,
  sizeGib: number,
  volumeType: string,
  deviceName: string,
): readonly ImageDevice[] {
  const device = { deviceName, snapshotId, encrypted: false, deleteOnTermination: true };
  return [{ ...device, ...volumeShape({ sizeGib, volumeType }) }];
}

/** The images of a region; their ids are the same at every start, and differ from region to region. */
export function imagesOf(region: string): readonly Image[] {
  let images = cache.get(region);
  if (!images) {
    images = RELEASES.map((release) => imageOf(release, region));
    cache.set(region, images);
  }
  return images;
}

/** Only spares the hashing: what it holds follows from the region's name. */
const cache = new Map<string, readonly Image[]>();

/** An image that no list has: somebody's own. */
export function unlistedImage(id: string): Image {
  return {
    id,
    name: id,
    description: "An image that Genkan does not know; it launches as any other",
    ownerId: "137112412989",
    ownerAlias: "amazon",
    architecture: "x86_64",
    creationDate: "2025-01-01T00:00:00.000Z",
    rootDeviceName: "/dev/xvda",
    devices: onlyDevice(`snap-${hex(id)}`, 8, "gp3", "/dev/xvda"),
    bootMode: "uefi-preferred",
    imdsV2: false,
    parameters: [],
    isListed: false,
  };
}

type Release = Pick<Image, "name" | "description" | "architecture" | "parameters" | "creationDate"> & {
  readonly sizeGib: number;
  readonly volumeType: "gp2" | "gp3";
  readonly owner: "amazon" | "canonical" | "debian";
  readonly imdsV2?: boolean;
};

const OWNERS = { amazon: "137112412989", canonical: "099720109477", debian: "136693071363" } as const;
const ROOTS = { amazon: "/dev/xvda", canonical: "/dev/sda1", debian: "/dev/xvda" } as const;

function imageOf({ owner, sizeGib, volumeType, ...release }: Release, region: string): Image {
  return {
    ...release,
    id: `ami-${hex(`${region}/${release.name}`)}`,
    boundTo: release.architecture,
    ownerId: OWNERS[owner],
    // The providers that AWS has verified answer to its alias as well.
    ownerAlias: "amazon",
    rootDeviceName: ROOTS[owner],
    devices: onlyDevice(`snap-${hex(`${region}/${release.name}/root`)}`, sizeGib, volumeType, ROOTS[owner]),
    bootMode: release.architecture === "arm64" ? "uefi" : "uefi-preferred",
    imdsV2: release.imdsV2 ?? false,
    isListed: true,
  };
}

function hex(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 17);
}

const AMAZON_PARAMETERS = "/aws/service/ami-amazon-linux-latest";

const RELEASES: readonly Release[] = (["x86_64", "arm64"] as const).flatMap((architecture) => {
  const debian = architecture === "x86_64" ? "amd64" : "arm64";
  return [
    ...amazonLinux2023(architecture),
    ...amazonLinux2(architecture),
    ubuntu("20.04", "focal", debian, "hvm-ssd", "20250111", architecture),
    ubuntu("22.04", "jammy", debian, "hvm-ssd", "20250112", architecture),
    ubuntu("24.04", "noble", debian, "hvm-ssd-gp3", "20250115", architecture),
    debianRelease("11", "20250114-1994", debian, architecture),
    debianRelease("12", "20250115-1995", debian, architecture),
  ];
});

function amazonLinux2023(architecture: Image["architecture"]): Release[] {
  const common = {
    owner: "amazon",
    architecture,
    creationDate: "2025-01-28T01:12:31.000Z",
    volumeType: "gp3",
    imdsV2: true,
  } as const;
  return [
    {
      ...common,
      name: `al2023-ami-2023.6.20250128.0-kernel-6.1-${architecture}`,
      description: `Amazon Linux 2023 AMI 2023.6.20250128.0 ${architecture} HVM kernel-6.1`,
      sizeGib: 8,
      parameters: ["kernel-6.1", "kernel-default"].map(
        (kernel) => `${AMAZON_PARAMETERS}/al2023-ami-${kernel}-${architecture}`,
      ),
    },
    {
      ...common,
      name: `al2023-ami-minimal-2023.6.20250128.0-kernel-6.1-${architecture}`,
      description: `Amazon Linux 2023 AMI 2023.6.20250128.0 ${architecture} Minimal HVM kernel-6.1`,
      sizeGib: 2,
      parameters: ["kernel-6.1", "kernel-default"].map(
        (kernel) => `${AMAZON_PARAMETERS}/al2023-ami-minimal-${kernel}-${architecture}`,
      ),
    },
  ];
}

function amazonLinux2(architecture: Image["architecture"]): Release[] {
  const common = {
    owner: "amazon",
    architecture,
    creationDate: "2025-01-24T19:26:12.000Z",
    volumeType: "gp2",
    sizeGib: 8,
  } as const;
  return ["", "kernel-5.10-"].map((kernel) => ({
    ...common,
    name: `amzn2-ami-${kernel}hvm-2.0.20250123.4-${architecture}-gp2`,
    description: `Amazon Linux 2 ${kernel === "" ? "" : "Kernel 5.10 "}AMI 2.0.20250123.4 ${architecture} HVM gp2`,
    parameters: [`${AMAZON_PARAMETERS}/amzn2-ami-${kernel}hvm-${architecture}-gp2`],
  }));
}

function ubuntu(
  version: string,
  codename: string,
  debianArchitecture: string,
  storage: "hvm-ssd" | "hvm-ssd-gp3",
  serial: string,
  architecture: Image["architecture"],
): Release {
  const volumeType = storage === "hvm-ssd" ? "gp2" : "gp3";
  const [year, month, day] = [serial.slice(0, 4), serial.slice(4, 6), serial.slice(6)];
  return {
    owner: "canonical",
    name: `ubuntu/images/${storage}/ubuntu-${codename}-${version}-${debianArchitecture}-server-${serial}`,
    description: `Canonical, Ubuntu, ${version}, ${debianArchitecture} ${codename} image build on ${year}-${month}-${day}`,
    architecture,
    creationDate: `${year}-${month}-${day}T06:34:10.000Z`,
    volumeType,
    sizeGib: 8,
    parameters: [
      `/aws/service/canonical/ubuntu/server/${version}/stable/current/${debianArchitecture}/hvm/ebs-${volumeType}/ami-id`,
    ],
  };
}

function debianRelease(
  version: string,
  serial: string,
  debianArchitecture: string,
  architecture: Image["architecture"],
): Release {
  return {
    owner: "debian",
    name: `debian-${version}-${debianArchitecture}-${serial}`,
    description: `Debian ${version} (${serial})`,
    architecture,
    creationDate: "2025-01-15T09:20:45.000Z",
    volumeType: "gp3",
    sizeGib: 8,
    parameters: [`/aws/service/debian/release/${version}/latest/${debianArchitecture}`],
  };
}
