export { BatchSandboxFleet, type BatchSandboxFleetProps, TaskResourcePolicy } from './batch-sandbox-fleet';
export { type ExecutorOptions, type ExecutorPublicKey } from './executor-sidecar';
export { PodCount } from './pod-count';
export { PodTemplate } from './pod-template';
export { type ControllerOptions, LogLevel, type SigningKey } from './runtime-workload';
export { SandboxCrds } from './sandbox-crds';
export { type ISandboxPool, RecycleStrategy, SandboxPool, type SandboxPoolProps } from './sandbox-pool';
export { SandboxRuntime, type SandboxRuntimeProps } from './sandbox-runtime';
export { type TaskEnvVar, type TaskOptions, type TaskShard, TaskShards, type TaskShardsProps } from './task-shards';
