// Runs an API server of Kubernetes with an etcd of its own in one process, on 127.0.0.1.
//
// It is Kubernetes' own code with its default admission, Pod Security among it; there is no scheduler, no
// controller and no node, so that objects are judged and stored and nothing runs. Everything that it writes
// goes to the folder that it is given, with a kubeconfig of its administrator.
//
//	apiserver FOLDER PORT
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const etcdPatience = time.Minute

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: apiserver FOLDER PORT")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve returns when the process is asked to end.
func serve(folder, port string) error {
	if err := writeSecrets(folder, port); err != nil {
		return err
	}
	store, err := startEtcd(folder)
	if err != nil {
		return err
	}
	defer store.Close()
	server := app.NewAPIServerCommand()
	server.SetArgs(arguments(folder, port, "http://"+store.Clients[0].Addr().String()))
	return server.Execute()
}

func arguments(folder, port, etcd string) []string {
	key := filepath.Join(folder, "service-account.key")
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--secure-port=" + port,
		"--cert-dir=" + folder,
		"--token-auth-file=" + filepath.Join(folder, "tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
	}
}

// writeSecrets makes what the API server knows its administrator by, and the key that it signs tokens with.
func writeSecrets(folder, port string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	token := rand.Text()
	users := token + ",admin,admin,system:masters\n"
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "service-account.key"), block, 0o600),
		os.WriteFile(filepath.Join(folder, "tokens.csv"), []byte(users), 0o600),
		clientcmd.WriteToFile(kubeconfig(folder, port, token), filepath.Join(folder, "kubeconfig")),
	)
}

// kubeconfig trusts the certificate that the API server makes for itself when it starts.
func kubeconfig(folder, port, token string) api.Config {
	config := *api.NewConfig()
	config.Clusters["test"] = &api.Cluster{
		Server:               "https://127.0.0.1:" + port,
		CertificateAuthority: filepath.Join(folder, "apiserver.crt"),
	}
	config.AuthInfos["admin"] = &api.AuthInfo{Token: token}
	config.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "admin"}
	config.CurrentContext = "test"
	return config
}

// startEtcd listens on free ports and returns when it is ready.
func startEtcd(folder string) (*embed.Etcd, error) {
	anywhere := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = filepath.Join(folder, "etcd")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	config.ListenClientUrls, config.AdvertiseClientUrls = anywhere, anywhere
	config.ListenPeerUrls, config.AdvertisePeerUrls = anywhere, anywhere
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case <-time.After(etcdPatience):
		store.Close()
		return nil, errors.New("etcd is not ready after a minute")
	}
}
