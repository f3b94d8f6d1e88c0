import { createContext, useContext, useEffect, type ReactNode } from 'react';
import { browserLanguage, usePreferences, type Language } from '@/preferences/preferences';
import { en, type Texts } from './en';
import { zh } from './zh';

const TEXTS: Record<Language, Texts> = { en, zh };

const LanguageContext = createContext<{ language: Language; texts: Texts }>({ language: 'en', texts: en });

export function LanguageProvider({ children }: { children: ReactNode }) {
  const { language = browserLanguage() } = usePreferences();
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  return <LanguageContext value={{ language, texts: TEXTS[language] }}>{children}</LanguageContext>;
}

export function useLanguage() {
  return useContext(LanguageContext);
}

/** The texts of the page's language. */
export function useText(): Texts {
  return useContext(LanguageContext).texts;
}
