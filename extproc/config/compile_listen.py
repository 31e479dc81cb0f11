"""TLS towards clients: the certificate that they are shown, and whose certificates they must show.

Law: the same as towards upstreams (compile_tls): every file that is named is read and watched, what it holds goes to
Envoy past the snapshot, and only what Envoy will take.
"""

from extproc.config.certificates import HeldCertificates
from extproc.config.compile_tls import NamedFile, fit_authorities, fit_pair
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema import ListenKeys
from extproc.snapshot import ListenTls


def compile_listen_tls(keys: ListenKeys, report: Report) -> ListenTls | None:
    if keys.tls is None:
        if keys.http3:
            report.add(("listen", "http3"), "needs `listen.tls`", "HTTP/3 is spoken in TLS only")
        return None
    if keys.http3 and keys.proxy_protocol:
        report.add(("listen", "http3"), "does not go with `proxy_protocol`", "UDP carries no PROXY line")
    here: PathParts = ("listen", "tls")
    certificate = NamedFile(keys.tls.certificate, (*here, "certificate"), "the certificate", report)
    key = NamedFile(keys.tls.key, (*here, "key"), "the certificate's key", report)
    ca = NamedFile(keys.tls.client_ca, (*here, "client_ca"), "the file of CA certificates", report)
    report.listener = HeldCertificates(fit_pair(certificate, key, report), fit_authorities(ca, report))
    if certificate.location is None or key.location is None:
        return None
    return ListenTls(certificate.location, key.location, ca.location)
