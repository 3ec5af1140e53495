window.probe = { errors: [] };
addEventListener('error', (event) => window.probe.errors.push(String(event.message)));
addEventListener('securitypolicyviolation', (event) => window.probe.errors.push('blocked ' + event.blockedURI));
