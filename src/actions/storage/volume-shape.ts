import type { VolumeType } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { VolumeShape } from "../../model/volume.ts";

/** What a request says of a volume's size, type and performance. */
export type WantedShape = {
  readonly sizeGib: number;
  readonly volumeType: string;
  readonly iops?: number | undefined;
  readonly throughput?: number | undefined;
};

type TypeFacts = {
  /** GiB. */
  readonly least: number;
  readonly most: number;
  /** Absent where IOPS cannot be asked for. */
  readonly iops?: {
    readonly least: number;
    readonly most: number;
    readonly perGib: number;
    readonly standard?: number;
  };
};

/** EC2 API reference, CreateVolume; EBS user guide, "Amazon EBS volume types". */
const TYPES: Readonly<Record<VolumeType, TypeFacts>> = {
  gp2: { least: 1, most: 16_384 },
  gp3: { least: 1, most: 65_536, iops: { least: 3000, most: 80_000, perGib: 500, standard: 3000 } },
  io1: { least: 4, most: 16_384, iops: { least: 100, most: 64_000, perGib: 50 } },
  io2: { least: 4, most: 65_536, iops: { least: 100, most: 256_000, perGib: 1000 } },
  st1: { least: 125, most: 16_384 },
  sc1: { least: 125, most: 16_384 },
  standard: { least: 1, most: 1024 },
};

/** MiB per second, of gp3. */
const THROUGHPUT = { least: 125, most: 2000 };

/**
 * The volume that was asked for, with what its type gives where nothing was said.
 * @throws UnknownVolumeType; InvalidParameterCombination for what the type does not have;
 * InvalidParameterValue out of its limits.
 */
export function volumeShape(wanted: WantedShape): VolumeShape {
  const { sizeGib, volumeType } = wanted;
  const facts = Object.hasOwn(TYPES, volumeType) ? TYPES[volumeType as VolumeType] : undefined;
  if (!facts)
    throw new Fault("UnknownVolumeType", `Unsupported volume type '${volumeType}' for volume creation.`);
  requireFittingParameters(wanted, facts);
  requireSize(wanted, facts);
  const iops = iopsOf(wanted, facts);
  const throughput =
    volumeType === "gp3" ? throughputOf(wanted.throughput ?? THROUGHPUT.least, iops ?? 0) : undefined;
  return {
    sizeGib,
    volumeType,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
  };
}

function requireFittingParameters({ volumeType, iops, throughput }: WantedShape, facts: TypeFacts): void {
  const combination = (words: string): Fault => new Fault("InvalidParameterCombination", words);
  if (facts.iops && facts.iops.standard === undefined && iops === undefined) {
    throw combination(`The parameter iops must be specified for ${volumeType} volumes.`);
  }
  if (!facts.iops && iops !== undefined)
    throw combination(`The parameter iops is not supported for ${volumeType} volumes.`);
  if (volumeType !== "gp3" && throughput !== undefined) {
    throw combination(`The throughput parameter is not supported for ${volumeType} volumes.`);
  }
}

function requireSize({ sizeGib, volumeType }: WantedShape, { least, most }: TypeFacts): void {
  if (sizeGib < least) {
    throw invalid(
      `The volume size is invalid for ${volumeType} volumes: ${sizeGib} GiB. ${volumeType} volumes must be at least ${least} GiB in size. Please specify a volume size above the minimum limit.`,
    );
  }
  if (sizeGib > most)
    throw invalid(
      `Volume of ${sizeGib}GiB is too large for volume type ${volumeType}; maximum is ${most}GiB`,
    );
}

/** The baseline of gp2 is three for each GiB (EBS user guide, "General Purpose SSD volumes"). */
function iopsOf(
  { sizeGib, volumeType, iops: asked }: WantedShape,
  { iops: limits }: TypeFacts,
): number | undefined {
  if (!limits) return volumeType === "gp2" ? Math.min(16_000, Math.max(100, sizeGib * 3)) : undefined;
  const iops = asked ?? limits.standard ?? limits.least;
  if (iops < limits.least) throw invalid(`Volume iops of ${iops} is too low; minimum is ${limits.least}.`);
  if (iops > limits.most) throw invalid(`Volume iops of ${iops} is too high; maximum is ${limits.most}.`);
  // What a type has anyway, it has at every size.
  if (iops !== limits.standard && iops > sizeGib * limits.perGib) {
    throw invalid(
      `Iops to volume size ratio of ${(iops / sizeGib).toFixed(6)} is too high; maximum is ${limits.perGib}`,
    );
  }
  return iops;
}

function throughputOf(throughput: number, iops: number): number {
  if (throughput < THROUGHPUT.least)
    throw invalid(`Volume throughput of ${throughput} is too low; minimum is ${THROUGHPUT.least}.`);
  if (throughput > THROUGHPUT.most)
    throw invalid(`Volume throughput of ${throughput} is too high; maximum is ${THROUGHPUT.most}.`);
  if (throughput > iops / 4) {
    const ratio = (throughput / iops).toFixed(6);
    throw invalid(
      `Throughput (MiBps) to iops ratio of ${ratio} is too high; maximum is 0.250000 MiBps per iops`,
    );
  }
  return throughput;
}

function invalid(words: string): Fault {
  return new Fault("InvalidParameterValue", words);
}
