/** Made by `npm run generate:k8s` from k8s/overlays; not edited by hand. */
export const renderedOverlays = {
  small: String.raw`apiVersion: v1
kind: Namespace
metadata:
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
  name: slipway
---
apiVersion: v1
automountServiceAccountToken: false
kind: ServiceAccount
metadata:
  name: slipway-api
  namespace: slipway
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: v1
automountServiceAccountToken: false
kind: ServiceAccount
metadata:
  name: slipway-registry-scanner
  namespace: slipway
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: slipway-release-worker
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-cluster-watcher
rules:
- apiGroups:
  - apps
  resources:
  - daemonsets
  - deployments
  - replicasets
  - statefulsets
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - batch
  resources:
  - cronjobs
  - jobs
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods
  - replicationcontrollers
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - helm.toolkit.fluxcd.io
  - helm.fluxcd.io
  resources:
  - helmreleases
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods/log
  verbs:
  - get
- apiGroups:
  - ""
  resources:
  - events
  verbs:
  - list
- apiGroups:
  - kustomize.toolkit.fluxcd.io
  resources:
  - kustomizations
  verbs:
  - get
- apiGroups:
  - argoproj.io
  resources:
  - applications
  verbs:
  - get
  - list
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-nodes
rules:
- apiGroups:
  - ""
  resources:
  - nodes
  verbs:
  - get
  - list
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-release-worker
rules:
- apiGroups:
  - apps
  resources:
  - daemonsets
  - deployments
  - replicasets
  - statefulsets
  verbs:
  - get
  - patch
- apiGroups:
  - batch
  resources:
  - cronjobs
  - jobs
  verbs:
  - get
  - patch
- apiGroups:
  - ""
  resources:
  - pods
  - replicationcontrollers
  verbs:
  - get
  - patch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-cluster-watcher
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-cluster-watcher
subjects:
- kind: ServiceAccount
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-nodes
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-nodes
subjects:
- kind: ServiceAccount
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-release-worker
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-release-worker
subjects:
- kind: ServiceAccount
  name: slipway-release-worker
  namespace: slipway
---
apiVersion: v1
data:
  NODE_ENV: production
  SLIPWAY_CACHE_FOLDER: /var/lib/slipway/git
  SLIPWAY_CONFIG: /etc/slipway/settings/slipway.yaml
  SLIPWAY_GRPC_HOST: 0.0.0.0
  SLIPWAY_HTTP_HOST: 0.0.0.0
  SLIPWAY_OPS_HOST: 0.0.0.0
  SLIPWAY_OPS_PORT: "9090"
  SLIPWAY_SCANNER_ADDRESS: slipway-registry-scanner:3032
  SLIPWAY_TLS_CA_FILE: /etc/slipway/certs/ca.crt
  SLIPWAY_TLS_CERT_FILE: /etc/slipway/certs/tls.crt
  SLIPWAY_TLS_KEY_FILE: /etc/slipway/certs/tls.key
  SLIPWAY_WATCHER_ADDRESS: slipway-cluster-watcher:3031
  SLIPWAY_WORKER_ADDRESSES: slipway-release-worker:3033
kind: ConfigMap
metadata:
  name: slipway-env
  namespace: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
  name: slipway-api
  namespace: slipway
spec:
  ports:
  - name: http
    port: 3030
    targetPort: http
  selector:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3031
    targetPort: grpc
  selector:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: postgres
    app.kubernetes.io/name: slipway-stores
  name: slipway-postgres
  namespace: slipway
spec:
  ports:
  - name: postgres
    port: 5432
    targetPort: postgres
  selector:
    app.kubernetes.io/component: postgres
    app.kubernetes.io/name: slipway-stores
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: redis
    app.kubernetes.io/name: slipway-stores
  name: slipway-redis
  namespace: slipway
spec:
  ports:
  - name: redis
    port: 6379
    targetPort: redis
  selector:
    app.kubernetes.io/component: redis
    app.kubernetes.io/name: slipway-stores
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
  name: slipway-registry-scanner
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3032
    targetPort: grpc
  selector:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
  name: slipway-release-worker
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3033
    targetPort: grpc
  selector:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
  name: slipway-api
  namespace: slipway
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: api
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - services/api/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        - secretRef:
            name: slipway-api
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: api
        ports:
        - containerPort: 3030
          name: http
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 512Mi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-api
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: api
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: api
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-api
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: cluster-watcher
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: cluster-watcher
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: true
      containers:
      - args:
        - services/cluster-watcher/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: cluster-watcher
        ports:
        - containerPort: 3031
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 512Mi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-cluster-watcher
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: cluster-watcher
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: cluster-watcher
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-cluster-watcher
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
  name: slipway-registry-scanner
  namespace: slipway
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: registry-scanner
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: registry-scanner
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - services/registry-scanner/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: registry-scanner
        ports:
        - containerPort: 3032
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-registry-scanner
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: registry-scanner
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: registry-scanner
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-registry-scanner
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
  name: slipway-release-worker
  namespace: slipway
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/component: release-worker
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: release-worker
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: true
      containers:
      - args:
        - services/release-worker/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: release-worker
        ports:
        - containerPort: 3033
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 100m
            memory: 192Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
        - mountPath: /var/lib/slipway
          name: git
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-release-worker
      terminationGracePeriodSeconds: 60
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: release-worker
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: release-worker
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-release-worker
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
      - emptyDir:
          sizeLimit: 4Gi
        name: git
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  labels:
    app.kubernetes.io/component: postgres
    app.kubernetes.io/name: slipway-stores
  name: slipway-postgres
  namespace: slipway
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: postgres
      app.kubernetes.io/name: slipway-stores
  serviceName: slipway-postgres
  template:
    metadata:
      labels:
        app.kubernetes.io/component: postgres
        app.kubernetes.io/name: slipway-stores
    spec:
      automountServiceAccountToken: false
      containers:
      - env:
        - name: POSTGRES_USER
          value: slipway
        - name: POSTGRES_DB
          value: slipway
        - name: PGDATA
          value: /var/lib/postgresql/data/pgdata
        - name: POSTGRES_PASSWORD
          valueFrom:
            secretKeyRef:
              key: POSTGRES_PASSWORD
              name: slipway-stores
        image: postgres:17
        name: postgres
        ports:
        - containerPort: 5432
          name: postgres
        readinessProbe:
          exec:
            command:
            - pg_isready
            - -h
            - 127.0.0.1
            - -U
            - slipway
          periodSeconds: 5
          timeoutSeconds: 3
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        volumeMounts:
        - mountPath: /var/lib/postgresql/data
          name: data
        - mountPath: /tmp
          name: tmp
        - mountPath: /var/run/postgresql
          name: run
      enableServiceLinks: false
      securityContext:
        fsGroup: 999
        runAsGroup: 999
        runAsNonRoot: true
        runAsUser: 999
        seccompProfile:
          type: RuntimeDefault
      volumes:
      - emptyDir: {}
        name: tmp
      - emptyDir: {}
        name: run
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes:
      - ReadWriteOnce
      resources:
        requests:
          storage: 10Gi
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  labels:
    app.kubernetes.io/component: redis
    app.kubernetes.io/name: slipway-stores
  name: slipway-redis
  namespace: slipway
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: redis
      app.kubernetes.io/name: slipway-stores
  serviceName: slipway-redis
  template:
    metadata:
      labels:
        app.kubernetes.io/component: redis
        app.kubernetes.io/name: slipway-stores
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - redis-server
        - --dir
        - /data
        - --appendonly
        - "yes"
        - --maxmemory-policy
        - noeviction
        - --requirepass
        - $(REDIS_PASSWORD)
        env:
        - name: REDIS_PASSWORD
          valueFrom:
            secretKeyRef:
              key: REDIS_PASSWORD
              name: slipway-stores
        - name: REDISCLI_AUTH
          valueFrom:
            secretKeyRef:
              key: REDIS_PASSWORD
              name: slipway-stores
        image: redis:7
        name: redis
        ports:
        - containerPort: 6379
          name: redis
        readinessProbe:
          exec:
            command:
            - sh
            - -c
            - redis-cli ping | grep -q PONG
          periodSeconds: 5
          timeoutSeconds: 3
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        volumeMounts:
        - mountPath: /data
          name: data
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 999
        runAsGroup: 999
        runAsNonRoot: true
        runAsUser: 999
        seccompProfile:
          type: RuntimeDefault
      volumes:
      - emptyDir: {}
        name: tmp
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes:
      - ReadWriteOnce
      resources:
        requests:
          storage: 10Gi
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-api
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: cluster-watcher
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-registry-scanner
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: registry-scanner
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-release-worker
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: release-worker
      app.kubernetes.io/name: slipway
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-api
  namespace: slipway
spec:
  ingress:
  - ports:
    - port: 3030
  podSelector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-calls
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 3031
    - port: 3032
    - port: 3033
    to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway
  - ports:
    - port: 5432
    - port: 6379
    to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway-stores
  podSelector:
    matchLabels:
      app.kubernetes.io/name: slipway
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-deny
  namespace: slipway
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-grpc
  namespace: slipway
spec:
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway
    ports:
    - port: 3031
    - port: 3032
    - port: 3033
  podSelector:
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - slipway
    - key: app.kubernetes.io/component
      operator: In
      values:
      - cluster-watcher
      - registry-scanner
      - release-worker
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-names
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  podSelector: {}
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-operations
  namespace: slipway
spec:
  ingress:
  - from:
    - namespaceSelector: {}
    ports:
    - port: 9090
  podSelector:
    matchLabels:
      app.kubernetes.io/name: slipway
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-outside
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 22
    - port: 443
    - port: 5000
    - port: 6443
  podSelector:
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - slipway
    - key: app.kubernetes.io/component
      operator: In
      values:
      - cluster-watcher
      - registry-scanner
      - release-worker
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-stores
  namespace: slipway
spec:
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway
    ports:
    - port: 5432
    - port: 6379
  podSelector:
    matchLabels:
      app.kubernetes.io/name: slipway-stores
  policyTypes:
  - Ingress
`,
  production: String.raw`apiVersion: v1
kind: Namespace
metadata:
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
  name: slipway
---
apiVersion: v1
automountServiceAccountToken: false
kind: ServiceAccount
metadata:
  name: slipway-api
  namespace: slipway
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: v1
automountServiceAccountToken: false
kind: ServiceAccount
metadata:
  name: slipway-registry-scanner
  namespace: slipway
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: slipway-release-worker
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-cluster-watcher
rules:
- apiGroups:
  - apps
  resources:
  - daemonsets
  - deployments
  - replicasets
  - statefulsets
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - batch
  resources:
  - cronjobs
  - jobs
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods
  - replicationcontrollers
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - helm.toolkit.fluxcd.io
  - helm.fluxcd.io
  resources:
  - helmreleases
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - pods/log
  verbs:
  - get
- apiGroups:
  - ""
  resources:
  - events
  verbs:
  - list
- apiGroups:
  - kustomize.toolkit.fluxcd.io
  resources:
  - kustomizations
  verbs:
  - get
- apiGroups:
  - argoproj.io
  resources:
  - applications
  verbs:
  - get
  - list
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-nodes
rules:
- apiGroups:
  - ""
  resources:
  - nodes
  verbs:
  - get
  - list
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-release-worker
rules:
- apiGroups:
  - apps
  resources:
  - daemonsets
  - deployments
  - replicasets
  - statefulsets
  verbs:
  - get
  - patch
- apiGroups:
  - batch
  resources:
  - cronjobs
  - jobs
  verbs:
  - get
  - patch
- apiGroups:
  - ""
  resources:
  - pods
  - replicationcontrollers
  verbs:
  - get
  - patch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-cluster-watcher
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-cluster-watcher
subjects:
- kind: ServiceAccount
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-nodes
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-nodes
subjects:
- kind: ServiceAccount
  name: slipway-cluster-watcher
  namespace: slipway
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: slipway-release-worker
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: slipway-release-worker
subjects:
- kind: ServiceAccount
  name: slipway-release-worker
  namespace: slipway
---
apiVersion: v1
data:
  NODE_ENV: production
  SLIPWAY_CACHE_FOLDER: /var/lib/slipway/git
  SLIPWAY_CONFIG: /etc/slipway/settings/slipway.yaml
  SLIPWAY_GRPC_HOST: 0.0.0.0
  SLIPWAY_HTTP_HOST: 0.0.0.0
  SLIPWAY_OPS_HOST: 0.0.0.0
  SLIPWAY_OPS_PORT: "9090"
  SLIPWAY_SCANNER_ADDRESS: slipway-registry-scanner:3032
  SLIPWAY_TLS_CA_FILE: /etc/slipway/certs/ca.crt
  SLIPWAY_TLS_CERT_FILE: /etc/slipway/certs/tls.crt
  SLIPWAY_TLS_KEY_FILE: /etc/slipway/certs/tls.key
  SLIPWAY_WATCHER_ADDRESS: slipway-cluster-watcher:3031
  SLIPWAY_WORKER_ADDRESSES: slipway-release-worker:3033
kind: ConfigMap
metadata:
  name: slipway-env
  namespace: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
  name: slipway-api
  namespace: slipway
spec:
  ports:
  - name: http
    port: 3030
    targetPort: http
  selector:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3031
    targetPort: grpc
  selector:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
  name: slipway-registry-scanner
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3032
    targetPort: grpc
  selector:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
  name: slipway-release-worker
  namespace: slipway
spec:
  clusterIP: None
  ports:
  - name: grpc
    port: 3033
    targetPort: grpc
  selector:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: api
    app.kubernetes.io/name: slipway
  name: slipway-api
  namespace: slipway
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: api
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - services/api/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        - secretRef:
            name: slipway-api
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: api
        ports:
        - containerPort: 3030
          name: http
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 512Mi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-api
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: api
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: api
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-api
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: cluster-watcher
    app.kubernetes.io/name: slipway
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/component: cluster-watcher
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: cluster-watcher
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: true
      containers:
      - args:
        - services/cluster-watcher/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: cluster-watcher
        ports:
        - containerPort: 3031
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 512Mi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-cluster-watcher
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: cluster-watcher
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: cluster-watcher
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-cluster-watcher
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: registry-scanner
    app.kubernetes.io/name: slipway
  name: slipway-registry-scanner
  namespace: slipway
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/component: registry-scanner
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: registry-scanner
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: false
      containers:
      - args:
        - services/registry-scanner/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: registry-scanner
        ports:
        - containerPort: 3032
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 50m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-registry-scanner
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: registry-scanner
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: registry-scanner
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-registry-scanner
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/component: release-worker
    app.kubernetes.io/name: slipway
  name: slipway-release-worker
  namespace: slipway
spec:
  selector:
    matchLabels:
      app.kubernetes.io/component: release-worker
      app.kubernetes.io/name: slipway
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/component: release-worker
        app.kubernetes.io/name: slipway
    spec:
      automountServiceAccountToken: true
      containers:
      - args:
        - services/release-worker/main.ts
        env:
        - name: SLIPWAY_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        envFrom:
        - configMapRef:
            name: slipway-env
        - secretRef:
            name: slipway-stores
        image: slipway
        livenessProbe:
          failureThreshold: 4
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 15
          timeoutSeconds: 5
        name: release-worker
        ports:
        - containerPort: 3033
          name: grpc
        - containerPort: 9090
          name: operations
        readinessProbe:
          httpGet:
            path: /readyz
            port: operations
          periodSeconds: 5
          timeoutSeconds: 5
        resources:
          limits:
            memory: 1Gi
          requests:
            cpu: 100m
            memory: 192Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
        startupProbe:
          failureThreshold: 60
          httpGet:
            path: /livez
            port: operations
          periodSeconds: 2
        volumeMounts:
        - mountPath: /etc/slipway/settings
          name: settings
          readOnly: true
        - mountPath: /etc/slipway/secrets
          name: secrets
          readOnly: true
        - mountPath: /etc/slipway/certs
          name: certs
          readOnly: true
        - mountPath: /tmp
          name: tmp
        - mountPath: /var/lib/slipway
          name: git
      enableServiceLinks: false
      securityContext:
        fsGroup: 65532
        runAsGroup: 65532
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: slipway-release-worker
      terminationGracePeriodSeconds: 60
      topologySpreadConstraints:
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: release-worker
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
      - labelSelector:
          matchLabels:
            app.kubernetes.io/component: release-worker
            app.kubernetes.io/name: slipway
        maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
      volumes:
      - configMap:
          name: slipway-settings
        name: settings
      - name: secrets
        secret:
          defaultMode: 288
          optional: true
          secretName: slipway-secrets
      - name: certs
        secret:
          defaultMode: 288
          secretName: slipway-certs-release-worker
      - emptyDir:
          sizeLimit: 256Mi
        name: tmp
      - emptyDir:
          sizeLimit: 4Gi
        name: git
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-api
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-cluster-watcher
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: cluster-watcher
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-registry-scanner
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: registry-scanner
      app.kubernetes.io/name: slipway
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: slipway-release-worker
  namespace: slipway
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/component: release-worker
      app.kubernetes.io/name: slipway
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: slipway-release-worker
  namespace: slipway
spec:
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
  maxReplicas: 10
  metrics:
  - external:
      metric:
        name: slipway_jobs_due_age_seconds
      target:
        type: Value
        value: "10"
    type: External
  minReplicas: 3
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: slipway-release-worker
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-api
  namespace: slipway
spec:
  ingress:
  - ports:
    - port: 3030
  podSelector:
    matchLabels:
      app.kubernetes.io/component: api
      app.kubernetes.io/name: slipway
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-calls
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 3031
    - port: 3032
    - port: 3033
    to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway
  - ports:
    - port: 5432
    - port: 6379
    to:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway-stores
  podSelector:
    matchLabels:
      app.kubernetes.io/name: slipway
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-deny
  namespace: slipway
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-grpc
  namespace: slipway
spec:
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: slipway
    ports:
    - port: 3031
    - port: 3032
    - port: 3033
  podSelector:
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - slipway
    - key: app.kubernetes.io/component
      operator: In
      values:
      - cluster-watcher
      - registry-scanner
      - release-worker
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-names
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  podSelector: {}
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-operations
  namespace: slipway
spec:
  ingress:
  - from:
    - namespaceSelector: {}
    ports:
    - port: 9090
  podSelector:
    matchLabels:
      app.kubernetes.io/name: slipway
  policyTypes:
  - Ingress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-outside
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 22
    - port: 443
    - port: 5000
    - port: 6443
  podSelector:
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - slipway
    - key: app.kubernetes.io/component
      operator: In
      values:
      - cluster-watcher
      - registry-scanner
      - release-worker
  policyTypes:
  - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: slipway-stores-outside
  namespace: slipway
spec:
  egress:
  - ports:
    - port: 5432
    - port: 6379
    - port: 6380
  podSelector:
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - slipway
    - key: app.kubernetes.io/component
      operator: In
      values:
      - api
      - registry-scanner
      - release-worker
  policyTypes:
  - Egress
`,
} as const;
