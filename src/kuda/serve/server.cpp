#include "kuda/serve/server.h"

#include <utility>

#include "kuda/serve/http/connections.h"
#include "kuda/serve/service.h"

namespace kuda {
namespace {

ConnectionLimits limits_of(const ServerOptions& options) {
  ConnectionLimits limits;
  limits.connections = options.connections > 0 ? options.connections : 8 * options.requests;
  limits.threads =
      options.requests + 4;  // a request with a body holds one while it is answered; the rest is for others
  limits.head_bytes = options.head_bytes;
  limits.headers = options.headers;
  limits.body_bytes = options.body_bytes;
  limits.head_time = options.head_time;
  limits.body_time = options.body_time;
  limits.idle_time = options.idle_time;
  limits.grace = options.grace;
  return limits;
}

}  // namespace

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

struct Server::Impl {
  Impl(const Predictor& predictor, const ServerOptions& chosen)
      : options(chosen), service(predictor, chosen), connections(limits_of(chosen), service) {}
  const ServerOptions options;
  Service service;
  Connections connections;
};

Server::Server(const Predictor& predictor, ServerOptions options)
    : impl_(std::make_unique<Impl>(predictor, std::move(options))) {}

Server::~Server() = default;

int Server::bind() { return impl_->connections.listen(impl_->options.host, impl_->options.port); }

void Server::run(const std::atomic<bool>& stop) {
  impl_->connections.serve(stop);
  impl_->service.finish();
}

}  // namespace kuda
