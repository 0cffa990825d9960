#include "cli/config.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/outcome.h"
#include "security/secret_file.h"

namespace muster::cli {
namespace {

using nlohmann::json;

std::optional<std::string> Variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

Error Unusable(const std::filesystem::path& path, const std::string& what) {
  return UsageError("the configuration " + path.string() + " " + what +
                    "; run `muster login` to write it anew");
}

}  // namespace

Result<std::filesystem::path> ConfigPath() {
  if (const auto path = Variable("MUSTER_CONFIG")) return *path;
  const std::filesystem::path name = std::filesystem::path("muster") / "config.json";
  if (const auto base = Variable("XDG_CONFIG_HOME")) return std::filesystem::path(*base) / name;
  if (const auto home = Variable("HOME")) return std::filesystem::path(*home) / ".config" / name;
  return Fail(
      UsageError("neither MUSTER_CONFIG nor HOME is set: there is no place for the "
                 "configuration"));
}

Result<Config> LoadConfig(const std::filesystem::path& path) {
  Result<std::string> text = security::ReadSecretFile(path);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return Fail(UsageError("not logged in: there is no " + path.string() +
                           "; run `muster login --server HOST:PORT` first"));
  }
  if (!text) return Fail(std::move(text).error());
  const json document = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return Fail(Unusable(path, "is not a JSON object"));
  Config config;
  const auto take = [&](const char* key, std::string& value) {
    const auto found = document.find(key);
    if (found == document.end() || !found->is_string()) return false;
    value = found->get<std::string>();
    return !value.empty();
  };
  if (!take("server", config.server)) return Fail(Unusable(path, "names no server"));
  if (!take("token", config.token)) return Fail(Unusable(path, "has no token"));
  if (!take("ca_pem", config.ca_pem)) return Fail(Unusable(path, "has no CA certificate"));
  if (!take("workspace", config.workspace)) config.workspace = "default";
  return config;
}

Status SaveConfig(const std::filesystem::path& path, const Config& config) {
  if (const auto directory = path.parent_path(); !directory.empty()) {
    MUSTER_TRY(security::MakeSecretDirectory(directory));
  }
  const json document = {{"server", config.server},
                         {"workspace", config.workspace},
                         {"token", config.token},
                         {"ca_pem", config.ca_pem}};
  return security::WriteSecretFile(path, document.dump(2) + "\n");
}

}  // namespace muster::cli
