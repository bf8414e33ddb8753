{{- define "holdfast.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "holdfast.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "holdfast.labels" -}}
{{ include "holdfast.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "holdfast.image" -}}
{{- printf "%s@%s" .Values.image.repository (required "image.digest is missing: give the digest that `npm run appliance:oci` printed" .Values.image.digest) -}}
{{- end -}}

{{/* Name of the headless Service: gives each pod a name that outlives it. */}}
{{- define "holdfast.nodes" -}}
{{- printf "%s-nodes" (include "holdfast.name" .) -}}
{{- end -}}

{{/* Name of the Secret with the metrics token; empty without one. */}}
{{- define "holdfast.metricsSecret" -}}
{{- if .Values.metrics.existingSecret -}}
{{- .Values.metrics.existingSecret -}}
{{- else if .Values.metrics.token -}}
{{- printf "%s-metrics" (include "holdfast.name" .) -}}
{{- end -}}
{{- end -}}

{{/* Names under which clients inside the cluster, and those of publicNames, reach the nodes. */}}
{{- define "holdfast.publicNames" -}}
{{- $name := include "holdfast.name" . -}}
{{- $service := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) -}}
{{- concat $service .Values.publicNames | join "," -}}
{{- end -}}
