import type { Words } from "./language.ts";

/** What is said of reading flow logs, besides the records. */
export const FLOWS = {
  following: {
    en: "Following flow logs{what}; Ctrl-C ends it.",
    ja: "フローログを監視中{what}。Ctrl-C で終了。",
  },
  none: { en: "No record fits what was asked for.", ja: "条件に合うレコードはありません。" },
  noLog: {
    en: "There is no flow log, so nothing is recorded. Begin with: aws ec2 create-flow-logs --resource-type VPC --resource-ids VPC --traffic-type ALL --log-destination-type s3 --log-destination arn:aws:s3:::flows",
    ja: "フローログがないので、何も記録されていません。作成するには: aws ec2 create-flow-logs --resource-type VPC --resource-ids VPC --traffic-type ALL --log-destination-type s3 --log-destination arn:aws:s3:::flows",
  },
  stopped: { en: "Genkan has stopped.", ja: "Genkan が停止しました。" },
} as const satisfies Record<string, Words>;
