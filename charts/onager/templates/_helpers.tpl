{{/* Name of every object of the release: the release's, with the chart's where it lacks it. */}}
{{- define "onager.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of objects outside the release's namespace: two releases must not meet there. */}}
{{- define "onager.outsideName" -}}
{{- printf "%s-%s" .Release.Namespace (include "onager.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "onager.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "onager.name" .) -}}
{{- end -}}

{{- define "onager.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "onager.labels" -}}
{{ include "onager.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The reference of an image. Arguments: the image's values, the chart's version. */}}
{{- define "onager.image" -}}
{{- $image := index . 0 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 1)) -}}
{{- end -}}

{{- define "onager.webhookName" -}}
{{ include "onager.name" . }}-webhook
{{- end -}}

{{/* Which Certificate cert-manager's injector writes into caBundle. */}}
{{- define "onager.injectFrom" -}}
{{- if .Values.webhook.certManager.enabled -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "onager.webhookName" . }}
{{- end -}}
{{- end -}}

{{/* What the validating and the mutating webhook have in common. Arguments: the root, the path, the resources. Fails closed, for our own
kinds alone. An object that is being deleted must be able to go while no operator is there. */}}
{{- define "onager.webhook" -}}
{{- $root := index . 0 -}}
clientConfig:
  service:
    name: {{ include "onager.webhookName" $root }}
    namespace: {{ $root.Release.Namespace }}
    path: {{ index . 1 }}
    port: 443
admissionReviewVersions: [v1]
failurePolicy: Fail
matchPolicy: Equivalent
sideEffects: None
timeoutSeconds: 5
{{- if $root.Values.teamNamespaces }}
# Others may belong to another release.
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: In
      values:
        {{- toYaml $root.Values.teamNamespaces | nindent 8 }}
{{- end }}
matchConditions:
  - name: stays
    expression: "!has(object.metadata.deletionTimestamp)"
rules:
  - apiGroups: [onager.dev]
    apiVersions: [v1alpha1]
    operations: [CREATE, UPDATE]
    resources: [{{ join ", " (index . 2) }}]
    scope: Namespaced
{{- end -}}

{{/* What the operator may do where applications live. It can neither read nor make Secrets; what it makes belongs to its
application and goes with that. */}}
{{- define "onager.teamRules" -}}
- apiGroups: [onager.dev]
  resources: [sparkapplications]
  verbs: [get, list, watch, create, delete]
- apiGroups: [onager.dev]
  resources: [scheduledsparkapplications]
  verbs: [list, watch]
- apiGroups: [onager.dev]
  resources: [sparkapplications/status, scheduledsparkapplications/status]
  verbs: [update]
# A patch puts the guard on a Queue that is in use, and takes it off: its finalizer.
- apiGroups: [onager.dev]
  resources: [queues]
  verbs: [get, list, watch, patch]
- apiGroups: [onager.dev]
  resources: [queues/status]
  verbs: [update, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, create, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [resourcequotas, limitranges]
  verbs: [get, list, watch]
# Whether it ends: nothing holds back what is in one that does.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# They are read too: the kubelet says there alone which ConfigMap or Secret a pod waits for.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create, patch]
{{- end -}}

{{/* Stops the rendering when it is not said, or said twice, where applications may live. */}}
{{- define "onager.checkNamespaces" -}}
{{- if and .Values.teamNamespaces .Values.namespaceSelector -}}
{{- fail "give teamNamespaces or namespaceSelector, not both" -}}
{{- end -}}
{{- if not (or .Values.teamNamespaces .Values.namespaceSelector) -}}
{{- fail "say where applications may live: --set 'teamNamespaces={team-a,team-b}' or --set namespaceSelector=onager.dev/team" -}}
{{- end -}}
{{- end -}}
