#include "cli/personal/login.h"

#include "cli/outcome.h"
#include "cli/table.h"
#include "security/pki.h"
#include "security/secret_file.h"
#include "security/token.h"

namespace muster::cli {

namespace fs = std::filesystem;

LoginFacts LookAtLogin(const fs::path& path, const PersonalLayout& layout) {
  LoginFacts facts;
  std::error_code ignored;
  facts.exists = fs::exists(fs::symlink_status(path, ignored));
  if (const auto config = LoadConfig(path)) {
    if (const auto ca = security::FingerprintOf(config->ca_pem)) facts.ca = *ca;
  }
  if (const auto text = security::ReadSecretFile(layout.AdminToken())) {
    if (const auto token = security::ParseToken(*text)) facts.own_ca = token->ca_fingerprint;
  }
  return facts;
}

Status CheckLogin(const fs::path& path, const PersonalLayout& layout, bool force) {
  if (ChooseLogin(LookAtLogin(path, layout), force) != LoginChoice::kRefuse) return {};
  const auto config = LoadConfig(path);
  return Fail(UsageError(
      path.string() + " is " +
      (config ? "the login to the server at " + Printable(config->server) : "there already") +
      "; --force replaces it, MUSTER_CONFIG=FILE keeps it and uses another file"));
}

Status WriteLogin(const fs::path& path, const PersonalLayout& layout, const Config& own,
                  bool force) {
  MUSTER_TRY(CheckLogin(path, layout, force));
  if (ChooseLogin(LookAtLogin(path, layout), force) == LoginChoice::kWrite) {
    return SaveConfig(path, own);
  }
  MUSTER_ASSIGN(Config config, LoadConfig(path));
  if (config.server == own.server) return {};
  config.server = own.server;
  return SaveConfig(path, config);
}

}  // namespace muster::cli
