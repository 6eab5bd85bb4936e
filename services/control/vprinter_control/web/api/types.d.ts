// What the API answers, as far as the page reads it.

export type Mode = "immediate" | "review" | "queue" | "proxy";

export type Condition = "disabled" | "unserved" | "starting" | "running" | "degraded";

export type Bind = { any?: boolean, interface?: string | null, address?: string | null };

export interface Listener {
  name: string;
  address: string;
  port: number;
  state: "opening" | "open" | "failed";
  error: string | null;
}

export interface ServiceStatus {
  service: string;
  state: string;
  node: string;
  address: string;
  connections: number;
  last_client: { address: string, at: string } | null;
  listeners: Listener[];
  error: string | null;
}

export interface Printer {
  id: string;
  name: string;
  model: string;
  mode: Mode;
  enabled: boolean;
  bind: Bind;
  advertise: string | null;
  target: string | null;
  relay: Relay | null;
  serial: string;
  access_code: string | null;
  access_codes: { id: string, owner: string }[];
  status: { state: Condition, error: string | null, services: Record<string, ServiceStatus> };
}

export type Allow = "view" | "files" | "control";

export interface Relay {
  allow: Allow;
  ftp: "terminate" | "passthrough";
  capture: boolean;
  camera: boolean;
}

export interface RealStatus {
  state: "unwatched" | "online" | "offline" | "attention";
  trouble: string | null;
  error: string | null;
  hint: string | null;
  fingerprint: string | null;
  firmware: string;
  printing: string;
  job: string;
  percent: number | null;
  remaining_minutes: number | null;
  layer: number | null;
  layers: number | null;
  nozzle_celsius: number | null;
  bed_celsius: number | null;
  chamber_celsius: number | null;
}

export interface RealPrinter {
  id: string;
  name: string;
  host: string;
  serial: string;
  model: string;
  fingerprint: string | null;
  status: RealStatus;
  used_by: { id: string, name: string, mode: Mode }[];
}

export interface Discovered {
  serial: string;
  host: string;
  name: string;
  model_name: string;
  lan_mode: boolean;
}

export interface RelayedSession {
  session: string;
  service: string;
  client: string;
  owner: string;
  since: string;
  port: number | null;
  to_target: number;
  to_client: number;
  last_command: string;
  slicer: Slicer | null;
}

export interface Slicer {
  name: string;
  version: string | null;
}

export interface Sessions {
  items: RelayedSession[];
  last_slicer: { client: string, service: string, at: string, slicer: Slicer | null } | null;
}

export interface AccessCode {
  id: string;
  owner: string;
  code: string | null;
  created_at: string;
  last_used_at: string | null;
  primary: boolean;
}

export type Model = { code: string, name: string, product_name: string, serial_prefix: string };

export type HostAddress = { address: string, prefix_length: number, printer_id: string | null };

export type HostInterface = { name: string, is_default: boolean, addresses: HostAddress[] };

export interface Filament {
  slot: number;
  type: string | null;
  color: string | null;
  grams: number | null;
  metres: number | null;
}

export interface Plate {
  index: number;
  name?: string | null;
  seconds?: number | null;
  grams?: number | null;
  layers?: number | null;
  height_mm?: number | null;
  bed_type?: string | null;
  nozzle_mm?: number | null;
  filaments?: Filament[];
  objects?: string[];
  thumbnail?: boolean;
}

export interface FileItem {
  id: string;
  sha256: string;
  size: number;
  filename: string;
  name: string;
  virtual_printer_id: string;
  received_at: string;
  client: string;
  owner: string;
  plates: Plate[];
  reader_error: string | null;
  notes: string;
  tags: string[];
  project_id: string | null;
  job: { id: string, plate: number | null, requested_at: string } | null;
  title?: string | null;
  designer?: string | null;
  slicer?: Slicer | null;
  sliced_for?: string | null;
  sliced_for_name?: string | null;
  makerworld_url?: string | null;
  warnings?: { code: string, text: string }[];
  duplicates?: { exact: number, likely: number };
}

export interface QueueItem {
  id: string;
  archive_id: string;
  name: string;
  filename: string;
  plate: number;
  hold: boolean;
  printer_id: string | null;
  created_at: string;
}

export interface Upload {
  upload: string;
  printer_id: string;
  filename: string;
  client: string;
  owner: string;
  received: number;
  size: number | null;
  started_at: string;
}

export type Project = { id: string, name: string, notes: string };

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  last_used_at?: string | null;
  printer_id?: string | null;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: { kind: string, name: string };
  address: string | null;
  action: string;
  object: { kind: string, id: string, name: string | null } | null;
  changes: any;
}

export interface Authority {
  subject: string;
  sha256: string;
  sha1: string;
  not_before: string;
  not_after: string;
  key: string;
  path: string;
  warnings: { code: string, text: string }[];
  next_steps?: string[];
}

export interface SetupStep {
  step: "seen" | "trusted" | "code" | "file";
  state: "waiting" | "done" | "failed";
  at: string | null;
  client: string | null;
  problem: { code: string, text: string, hint: string | null } | null;
}

export interface Setup {
  since: string;
  client: string | null;
  clients: string[];
  steps: SetupStep[];
}

export interface DiagnosisStep {
  step: string;
  title: string;
  verdict: "ok" | "warning" | "failed" | "skipped";
  detail: string;
  remedy: { native: string | null, docker: string | null, nas: string | null } | null;
  seconds: number | null;
}

export type Diagnosis = { verdict: "ok" | "warning" | "failed", steps: DiagnosisStep[] };

export type LiveEvent = { id?: number, at?: string, type: string, data: Record<string, any> };

export type Page<T> = { items: T[], next: string | null };
