import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedPart, cachedPart, type PartsOptions } from './cache.ts';
import { requireTools, run } from './tools.ts';

const KAFKA_VERSION = '4.1.2';
/** Kafka logs through slf4j and ships log4j-core of this version, but not the bridge between the two. */
const LOG4J_VERSION = '2.25.3';

const JAVA = {
  command: 'java',
  purpose: 'Java 17 or newer, runs Kafka',
  install: 'apt-get install openjdk-17-jre-headless',
};
const MAVEN = { command: 'mvn', purpose: 'fetches Kafka', install: 'apt-get install maven' };

/** Apache Kafka as its Maven artifacts: 93 jars, 54 MB, seconds. */
export const kafkaPart: CachedPart = {
  name: `kafka-${KAFKA_VERSION}`,
  build: async (target, progress) => {
    await requireTools([JAVA, MAVEN]);
    progress(`fetching Apache Kafka ${KAFKA_VERSION} with Maven …`);
    await writeFile(join(target, 'pom.xml'), POM);
    await writeFile(join(target, 'log4j2.properties'), LOG4J_CONFIGURATION);
    // -C: a jar whose checksum differs from the repository's fails the build instead of being warned about.
    const args = ['-q', '-B', '-C', 'dependency:copy-dependencies', '-DoutputDirectory=libs'];
    await run('mvn', args, { cwd: target });
    await rm(join(target, 'target'), { recursive: true, force: true });
  },
};

/** Command-line arguments of `java` that put Kafka and its log settings in place. */
export async function kafkaJavaArguments(options: PartsOptions): Promise<string[]> {
  const folder = await cachedPart(kafkaPart, options);
  await requireTools([JAVA]);
  return [
    `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
    '-cp',
    join(folder, 'libs', '*'),
  ];
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-runtime</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>${LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
  <build>
    <pluginManagement>
      <plugins>
        <plugin>
          <groupId>org.apache.maven.plugins</groupId>
          <artifactId>maven-dependency-plugin</artifactId>
          <version>3.8.1</version>
        </plugin>
      </plugins>
    </pluginManagement>
  </build>
</project>
`;

const LOG4J_CONFIGURATION = `appender.console.type = Console
appender.console.name = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = CONSOLE
# One line per partition and start; they bury the rest.
logger.config.name = org.apache.kafka.common.config
logger.config.level = WARN
logger.stateChange.name = state.change.logger
logger.stateChange.level = WARN
`;
