// Kubernetes in one program: etcd, the control plane, the kubelet and kubectl.
//
// The part to run is the name the program is called by (a link named kube-apiserver), or else the first argument.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	etcd "go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var parts = map[string]func(){
	"etcd":                    func() { etcd.Main(os.Args) },
	"kube-apiserver":          func() { serve(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() { serve(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() { serve(scheduler.NewSchedulerCommand()) },
	"kubelet":                 func() { serve(kubelet.NewKubeletCommand(context.Background())) },
	"kubectl":                 func() { kubectlutil.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand())) },
}

func serve(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func main() {
	part, named := parts[filepath.Base(os.Args[0])]
	if !named && len(os.Args) > 1 {
		// Each part reads os.Args itself, with its own name in front.
		os.Args = os.Args[1:]
		part, named = parts[os.Args[0]]
	}
	if !named {
		fmt.Fprintf(os.Stderr, "usage: cluster %v ARGS\n", slices.Sorted(maps.Keys(parts)))
		os.Exit(2)
	}
	part()
}
