use super::*;

fn config(yaml: &str) -> Config {
    terrace_config::parse(yaml, "test.yaml", []).unwrap().config
}

#[test]
fn what_the_config_places_elsewhere_is_not_started() {
    let config = config(
        "{services: {classifier: {url: 'http://c:1'}}, tiers: {a: {models: [{name: m, backend: \
         ollama}]}}}",
    );
    let wanted = wanted(&config).unwrap();
    let names: Vec<_> = wanted.iter().map(|(wanted, _)| wanted.name()).collect();
    assert_eq!(
        names,
        ["cost-ledger", "tier-gateway/ollama", "quality-judge"]
    );
    let addresses = ["http://1", "http://2", "http://3"].map(str::to_owned);
    let parts = parts(&config, &wanted, &addresses);
    assert_eq!(parts[1], Part::started("tier-gateway/ollama", "http://2"));
    assert_eq!(parts[3], Part::elsewhere("classifier", "http://c:1/"));
}

#[test]
fn addresses_arrive_where_the_orchestrator_looks_for_them() {
    let yaml = "{backends: {My-box.1: {kind: ollama, url: 'http://127.0.0.1:1'}}, tiers: {a: \
                {models: [{name: m, backend: My-box.1}, {name: n, backend: ollama}]}}}";
    let wanted = wanted(&config(yaml)).unwrap();
    let env = wanted
        .iter()
        .enumerate()
        .map(|(index, (_, variable))| (variable.clone(), format!("http://127.0.0.1:{index}")));
    let told = terrace_config::parse(yaml, "test.yaml", env)
        .unwrap()
        .config;
    let names: Vec<_> = wanted.iter().map(|(wanted, _)| wanted.name()).collect();
    let at = |name: &str| {
        let index = names.iter().position(|wanted| wanted == name).unwrap();
        format!("http://127.0.0.1:{index}/")
    };
    assert_eq!(told.services.cost_ledger.address(), at("cost-ledger"));
    assert_eq!(told.services.quality_judge.address(), at("quality-judge"));
    for backend in &told.backends {
        let name = format!("tier-gateway/{}", backend.name);
        assert_eq!(backend.gateway.address(), at(&name));
    }
}
