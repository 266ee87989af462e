{{- define "wandbsweep.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for "-server" and the revision that a StatefulSet appends in a label of its pods. */}}
{{- define "wandbsweep.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains (include "wandbsweep.name" .) .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wandbsweep.name" .) | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wandbsweep.serverName" -}}
{{ include "wandbsweep.fullname" . }}-server
{{- end }}

{{/* Labels that select: they never change in the life of a release. Call with (list $ component). */}}
{{- define "wandbsweep.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "wandbsweep.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "wandbsweep.labels" -}}
{{- $root := index . 0 -}}
{{ include "wandbsweep.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- define "wandbsweep.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* W&B for sweeps that name no server: the one asked for, else the embedded one, else the operator's own default. */}}
{{- define "wandbsweep.baseURL" -}}
{{- if .Values.wandb.baseURL -}}
{{ .Values.wandb.baseURL }}
{{- else if .Values.server.enabled -}}
http://{{ include "wandbsweep.serverName" . }}.{{ .Release.Namespace }}.svc:{{ .Values.server.service.port }}
{{- end }}
{{- end }}

{{- define "wandbsweep.apiKeySecretName" -}}
{{ .Values.server.apiKey.existingSecret | default .Values.server.apiKey.secretName }}
{{- end }}

{{- define "wandbsweep.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "wandbsweep.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What an operator does in a namespace that it watches. */}}
{{- define "wandbsweep.namespacedRules" -}}
- apiGroups: [wandbsweep.dev]
  resources: [wandbsweeps]
  # delete: what ttlSecondsAfterFinished asks for.
  verbs: [get, list, watch, patch, delete]
- apiGroups: [wandbsweep.dev]
  resources: [wandbsweeps/status]
  verbs: [patch]
# Jobs that block the deletion of their owner may be made only by who may change its finalizers.
- apiGroups: [wandbsweep.dev]
  resources: [wandbsweeps/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  # patch: an agent is asked to leave after its run by an annotation on its pod.
  verbs: [list, watch, patch]
# Sweep definitions of spec.sweepFrom, read by name.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
{{- with .Values.wandb.apiKeySecretNames }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}
