import type { Base, Tags } from "./common.ts";
import type { VolumeFacts } from "./volume.ts";

export const INSTANCE_STATE_CODE = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const;
export type InstanceState = keyof typeof INSTANCE_STATE_CODE;

export type Instance = Base<"instance"> & {
  readonly reservationId: string;
  readonly launchIndex: number;
  readonly imageId: string;
  readonly instanceType: string;
  readonly state: InstanceState;
  /** The host boots the instance again each time this number grows: at launch, start and reboot. */
  readonly bootGeneration: number;
  /** Why the last transition happened, as AWS words it; empty at launch. */
  readonly stateTransitionReason: string;
  readonly stateReason?: { readonly code: string; readonly message: string };
  /** ISO 8601; when it was last launched or started. */
  readonly launchTime: string;
  /** When it was terminated (ISO 8601); about an hour later it is no longer described. */
  readonly terminatedAt?: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly keyName?: string;
  /** Base64, as the request had it. */
  readonly userData?: string;
  readonly clientToken?: string;
  readonly shutdownBehavior: "stop" | "terminate";
  readonly disableApiTermination: boolean;
  readonly disableApiStop: boolean;
  readonly ebsOptimized: boolean;
  readonly monitoring: boolean;
  readonly tenancy: "default" | "dedicated" | "host";
  readonly iamInstanceProfileArn?: string;
  /** Present when the profile was associated after the launch. */
  readonly iamAssociation?: { readonly id: string; /** ISO 8601. */ readonly since: string };
  /** The number of the machine that runs it, in a region of machines. */
  readonly machine?: number;
  readonly placement?: { readonly groupId: string; readonly partitionNumber?: number };
  readonly metadataOptions: {
    readonly httpTokens: "optional" | "required";
    readonly httpPutResponseHopLimit: number;
    readonly httpEndpoint: "enabled" | "disabled";
    readonly instanceMetadataTags: "enabled" | "disabled";
    /** Absent: disabled. */
    readonly httpProtocolIpv6?: "enabled" | "disabled";
  };
  readonly rootVolumeId: string;
  /** The attached volumes. Absent: only the root volume, as most images have it. */
  readonly blockDevices?: readonly BlockDevice[];
  readonly cpuCredits?: "standard" | "unlimited";
  readonly cpuOptions?: { readonly coreCount: number; readonly threadsPerCore: number };
  readonly autoRecovery?: "default" | "disabled";
};

/** A volume attached to an instance. */
export type BlockDevice = VolumeFacts & {
  readonly deviceName: string;
  readonly volumeId: string;
  readonly deleteOnTermination: boolean;
  /** ISO 8601. Absent: attached at the instance's launch. */
  readonly attachTime?: string;
  readonly tags: Tags;
};
